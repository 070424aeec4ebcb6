// The log file of one process: JSON lines, rotated by size, so that it is bounded from the start.
#pragma once

#include <filesystem>
#include <sm/log.hpp>
#include <string>

namespace sm {

struct log_target {
  std::filesystem::path file;
  std::string instance;        ///< goes into every line
  std::string level = "info";  ///< debug, info, warn, error
  bool to_stderr = false;      ///< also to the terminal, for people
  std::size_t file_max = 16 << 20;
  std::size_t files = 4;  ///< rotated ones that are kept
};

/// Opens the log. A file that cannot be opened is reported on stderr once, and stderr is used
/// instead: a service does not die of its log.
logger open_log(const log_target& target);

/// Writes straight to the terminal, as a person reads it; for programs that have no state folder.
logger stderr_log(const std::string& name);

}  // namespace sm
