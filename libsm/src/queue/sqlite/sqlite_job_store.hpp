// The embedded store.
#pragma once

#include <memory>
#include <string>

#include "queue/job_store.hpp"

namespace sm {

/// Opens or makes the file. Throws `failure`.
std::unique_ptr<job_store> open_sqlite_job_store(const std::string& path,
                                                 const queue_config& config);

/// The file behind "sqlite:PATH", or "".
std::string sqlite_path(const std::string& url);

}  // namespace sm
