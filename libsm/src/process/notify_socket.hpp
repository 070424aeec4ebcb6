// The receiving end of sd_notify(3): datagrams of KEY=VALUE lines from a program, with the kernel's
// word on who sent them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <sm/error.hpp>
#include <string>
#include <string_view>

#include "system/unique_fd.hpp"

namespace sm {

/// As it came: nothing of it has been looked at.
struct notification {
  pid_t sender = 0;
  uid_t uid = 0;
  std::string text;
  bool whole = true;  ///< false: it was longer than the 4096 bytes that systemd takes, too
};

/// The lines of a notification: {"READY", "1"}. Of a name given twice the last one counts.
std::map<std::string, std::string> notification_fields(std::string_view text);

/// A number of microseconds, as WATCHDOG_USEC and EXTEND_TIMEOUT_USEC give it; nothing for what is
/// none, or beyond a year.
std::optional<std::chrono::milliseconds> notification_usec(const std::string& text);

class notify_socket {
 public:
  /// Binds a path of at most 107 bytes in a folder of mode 0700: in `state_folder`/notify, or, for
  /// a program of another user, who cannot enter that, in a folder of `user`'s own under /run (else
  /// the temporary folder). What an earlier run left at the same path is replaced.
  static result<notify_socket> open(const std::filesystem::path& state_folder,
                                    const std::string& instance, std::optional<uid_t> user);
  notify_socket(notify_socket&&) = default;
  notify_socket& operator=(notify_socket&&) = delete;
  ~notify_socket();

  int fd() const noexcept { return fd_.get(); }
  const std::string& address() const noexcept { return address_; }  ///< for NOTIFY_SOCKET
  /// The next one that has arrived, if any. Descriptors that came along are closed, which is the
  /// answer to BARRIER=1, and all that FDSTORE=1 gets.
  std::optional<notification> receive() const;

 private:
  notify_socket(unique_fd fd, std::string address, bool own_folder)
      : fd_(std::move(fd)), address_(std::move(address)), own_folder_(own_folder) {}

  unique_fd fd_;
  std::string address_;
  bool own_folder_ = false;  // it goes with the socket
};

}  // namespace sm
