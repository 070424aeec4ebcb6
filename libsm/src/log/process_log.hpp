// The log file of one process: JSON lines, rotated by size, so that it is bounded from the start.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <sm/log.hpp>
#include <string>

#include "log/log_file.hpp"
#include "text/iso_time.hpp"

namespace sm {

struct log_target {
  std::filesystem::path file;
  std::string instance;        ///< goes into every line
  std::string level = "info";  ///< debug, info, warn, error
  bool to_stderr = false;      ///< also to stderr, for people; with sd-daemon(3)'s <N> for journald
  rotation files{};
};

/// stderr leads to the journal: JOURNAL_STREAM names it (systemd.exec(5)).
bool stderr_is_journal();

/// `text` as journald takes it: "<6>" for the priority before each of its lines (sd-daemon(3)).
std::string journal_lines(log_level level, std::string_view text);

/// A line of a log: {"ts":"2026-01-31T12:00:00.000000Z","level":"info","instance":"web:0","pid":7,
/// "msg":"..."}, or with "stream" in the place of the level for what a program printed; at its end
/// "trace_id" when this thread runs for a trace.
std::string log_line(std::chrono::system_clock::time_point time, std::string_view key,
                     std::string_view value, std::string_view instance, pid_t pid,
                     std::string_view text);

/// The file of a log, for those who write lines of their own into it.
std::shared_ptr<log_file> open_log_file(const log_target& target);

/// Opens the log on `file`. Lines that cannot be written are dropped and counted: a service does
/// not die of its log.
logger open_log(const log_target& target, std::shared_ptr<log_file> file);
logger open_log(const log_target& target);

/// Where `guarded` writes in this process; until it is told, to stderr.
void log_caught_to(logger log);

/// Writes straight to the terminal, as a person reads it; for programs that have no state folder.
logger stderr_log(const std::string& name);

}  // namespace sm
