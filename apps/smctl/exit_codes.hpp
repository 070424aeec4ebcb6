// How smctl ends, as one table.
#pragma once

#include <sm/error.hpp>
#include <span>
#include <string_view>

namespace sm::ctl {

namespace exits {
inline constexpr int ok = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int changes = 2;
inline constexpr int not_running = 3;
inline constexpr int unknown = 4;
inline constexpr int stopped = 7;
inline constexpr int no_manager = 69;
inline constexpr int timeout = 75;
inline constexpr int refused = 77;
}  // namespace exits

struct exit_row {
  int code;
  std::string_view meaning;
};

/// Every code with its meaning, for help and the reference.
std::span<const exit_row> exit_rows();

/// What smctl ends with after an error.
int exit_code_of(const error& e);

/// Of several targets: 0 when all went well, what they failed with when all failed alike, else 1.
int exit_code_of(std::span<const int> each);

}  // namespace sm::ctl
