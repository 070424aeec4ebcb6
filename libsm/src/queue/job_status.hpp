// The status document of a tracked job: php-resque 1.3's, with what sm adds. It is there from the
// enqueueing until a day after the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <sm/json.hpp>
#include <string>

#include "queue/job_store.hpp"

namespace sm {

struct job_status {
  /// php-resque's numbers.
  enum class phase { waiting = 1, running = 2, failed = 3, complete = 4 };

  phase status = phase::waiting;
  std::int64_t updated_s = 0, started_s = 0;  ///< Unix time; "started" is when it was enqueued
  std::string type{}, queue{};
  double share = 0;    ///< of the work that is done, 0 to 1
  std::string text{};  ///< of the last progress
  json result{};       ///< null until it is complete
  std::string error{};
  unsigned attempt = 0;
};

std::string encode_status(const job_status& s);

/// What does not fit is left at its default: PHP writes fewer fields.
job_status decode_status(const std::string& document);

bool has_ended(const job_status& s) noexcept;

/// The document of a job that runs, from the one it had when it was claimed.
std::string running_status(const delivery& d, double share, const std::string& text);

// A job may say anything; what is kept of it is bounded.
inline constexpr std::size_t progress_text_max = 4 << 10;
inline constexpr std::size_t error_text_max = 64 << 10;
inline constexpr std::size_t result_max = 1 << 20;

/// How long the document of a job that has ended stays, as php-resque has it.
inline constexpr std::chrono::seconds status_kept{86'400};

}  // namespace sm
