// The service manager above this one (systemd, or another sm), told by sd_notify(3)'s datagrams.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sm {

class service_manager {
 public:
  /// What the environment says of one: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. They are
  /// removed from it, for they are about this process alone.
  static service_manager from_environment();

  /// Nobody.
  service_manager() = default;

  explicit operator bool() const noexcept { return !address_.empty(); }
  /// Sends lines of KEY=VALUE. Who cannot be told is not.
  void tell(const std::string& lines) const noexcept;
  /// Puts back what `from_environment` took, for what this process executes in its own place.
  void restore_environment() const;
  /// RELOADING=1 with the time from which on READY=1 counts, as sd_notify(3) has it.
  void tell_reloading() const noexcept;
  /// It wants to hear WATCHDOG=1 at least so often; 0: it does not.
  std::chrono::milliseconds watchdog() const noexcept { return watchdog_; }

 private:
  std::string address_;  // "@name" is an abstract one
  std::vector<std::pair<const char*, std::string>> taken_;
  std::chrono::milliseconds watchdog_{0};
};

/// For the value of STATUS: one line.
std::string status_line(const std::string& text);

}  // namespace sm
