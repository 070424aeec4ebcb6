// What keeps an instance from running twice: a file locked by its process and all that come from
// it, for as long as one of them has it open. The file goes with its service.
#pragma once

#include <chrono>
#include <filesystem>
#include <sm/error.hpp>
#include <string>

#include "system/unique_fd.hpp"

namespace sm {

/// Takes the lock of `instance` in `folder`, which is made again when it was removed. Waits for the
/// process before this one to be gone: `conflict` when it is not within `patience`.
result<unique_fd> take_instance_lock(const std::filesystem::path& folder,
                                     const std::string& instance,
                                     std::chrono::milliseconds patience);

/// Removes the lock of an instance that is wanted no more, unless somebody holds it; false then.
bool remove_instance_lock(const std::filesystem::path& folder, const std::string& instance);

}  // namespace sm
