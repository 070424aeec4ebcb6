// The receiving end of sd_notify(3): datagrams of KEY=VALUE lines from a program, with the kernel's
// word on who sent them.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <sm/error.hpp>
#include <string>

#include "process/unique_fd.hpp"

namespace sm {

struct notification {
  pid_t sender = 0;
  std::map<std::string, std::string> fields;  ///< {"READY", "1"}
};

class notify_socket {
 public:
  /// Binds an abstract address that the kernel chooses.
  static result<notify_socket> open();

  int fd() const noexcept { return fd_.get(); }
  const std::string& address() const noexcept { return address_; }  ///< for NOTIFY_SOCKET
  /// The next one that has arrived, if any.
  std::optional<notification> receive() const;

 private:
  notify_socket(unique_fd fd, std::string address)
      : fd_(std::move(fd)), address_(std::move(address)) {}

  unique_fd fd_;
  std::string address_;
};

}  // namespace sm
