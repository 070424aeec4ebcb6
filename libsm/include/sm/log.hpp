// Logging as a service sees it: levels and formatted text. Where the lines go is the process's
// matter. SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace sm {

enum class log_level { debug, info, warn, error };

/// Writes lines to the log of its process. Copies write to the same place. Thread-safe. Formats
/// with fmt ("{}"), checked at compile time. A full disk loses lines but never stops the service.
class logger {
 public:
  explicit logger(std::shared_ptr<spdlog::logger> sink) : sink_(std::move(sink)) {}

  template <class... A>
  void debug(fmt::format_string<A...> format, A&&... args) const {
    write_formatted(log_level::debug, format, std::forward<A>(args)...);
  }
  template <class... A>
  void info(fmt::format_string<A...> format, A&&... args) const {
    write_formatted(log_level::info, format, std::forward<A>(args)...);
  }
  template <class... A>
  void warn(fmt::format_string<A...> format, A&&... args) const {
    write_formatted(log_level::warn, format, std::forward<A>(args)...);
  }
  template <class... A>
  void error(fmt::format_string<A...> format, A&&... args) const {
    write_formatted(log_level::error, format, std::forward<A>(args)...);
  }

  bool enabled(log_level level) const noexcept;
  void write(log_level level, std::string_view text) const;

 private:
  template <class... A>
  void write_formatted(log_level level, fmt::format_string<A...> format, A&&... args) const {
    if (enabled(level)) write(level, fmt::format(format, std::forward<A>(args)...));
  }

  std::shared_ptr<spdlog::logger> sink_;
};

}  // namespace sm
