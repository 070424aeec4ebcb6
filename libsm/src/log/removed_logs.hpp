// The logs of services that were removed: set aside at once, so that a service of the same name
// begins with none, kept for a while in log/removed/NAME@TIME/, then dropped. Every call waits for
// the disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sm {

/// The instance that a file in the log folder is of: "web:0" for "web:0.log" and "web:0.out.3";
/// "" for what is no instance's.
std::string_view owner_of_log(std::string_view file_name);

/// The service of an instance: "web" of "web:0"; "" for what is no name of an instance.
std::string_view service_of_instance(std::string_view instance);

/// The services that have logs in the folder, those set aside left out.
std::set<std::string> services_with_logs(const std::filesystem::path& log_folder);

/// Sets the logs of a service aside; empty ones go at once.
void set_logs_aside(const std::filesystem::path& log_folder, const std::string& service,
                    std::chrono::system_clock::time_point now);

inline constexpr std::size_t removals_kept = 100;

/// Drops what was set aside `keep` ago, and what was before the latest `removals_kept`. A time that
/// lies ahead counts as now. Returns how long until the next of them is to go; nothing when none is
/// left.
std::optional<std::chrono::milliseconds> drop_removed_logs(
    const std::filesystem::path& log_folder, std::chrono::milliseconds keep,
    std::chrono::system_clock::time_point now);

}  // namespace sm
