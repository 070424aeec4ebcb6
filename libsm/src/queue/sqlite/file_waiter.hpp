// Waits for jobs in a file: who stores some wakes one of those that wait.
#pragma once

#include <filesystem>
#include <memory>

#include "queue/job_store.hpp"

namespace sm {

/// Woken by `wake_up(file)`.
std::unique_ptr<job_waiter> make_file_waiter(const std::filesystem::path& file);

}  // namespace sm
