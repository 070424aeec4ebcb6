// How a process ended: by exit or by a signal.
#pragma once

#include <string>
#include <variant>

namespace sm {

struct exited_with {
  int code = 0;
  friend bool operator==(const exited_with&, const exited_with&) = default;
};
struct killed_by {
  int number = 0;
  friend bool operator==(const killed_by&, const killed_by&) = default;
};
/// The end of a process whose status nobody could collect.
struct vanished {
  friend bool operator==(const vanished&, const vanished&) = default;
};

using exit_status = std::variant<exited_with, killed_by, vanished>;

/// "exit code 3", "SIGKILL", "vanished".
std::string to_string(const exit_status& status);

}  // namespace sm
