// Errors are values: a code from one list, what went wrong in words, and where. Only `failure`
// (thrown by a command or route handler that wants a particular code) is an exception.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace sm {

/// Every way in which a public call can fail. The order is part of the link protocol: append only.
enum class errc : std::uint8_t {
  bad_request,
  bad_arguments,
  invalid_spec,
  unknown_type,
  unknown_service,
  unknown_command,
  not_found,
  not_running,
  handler_failed,
  timeout,
  overloaded,
  unavailable,
  cancelled,
  conflict,
  unauthorized,
  forbidden,
  method_not_allowed,
  request_timeout,
  payload_too_large,
  unsupported_media_type,
  misdirected,
  header_too_large,
  shutting_down,
  internal,
  too_many_attempts,
};

/// What a code means outside the process: the one table that maps errors to the outer world.
struct errc_traits {
  errc code;
  std::string_view name;  ///< stable, lower case with underscores; the `code` of a problem document
  std::string_view title;  ///< one short sentence
  unsigned http_status;    ///< RFC 9110
  int exit_code;           ///< of the command line; sysexits.h and LSB where they have a word
};

/// The table's row for `code`.
const errc_traits& traits(errc code) noexcept;

/// The code called `name`, or nothing.
std::optional<errc> errc_from_name(std::string_view name) noexcept;

inline std::string_view to_string(errc code) noexcept { return traits(code).name; }

/// A failed call: `detail` says what was tried and why it failed, `where` names the thing at fault
/// (a JSON pointer into the caller's input, a service, a path) and may be empty.
struct error {
  errc code = errc::internal;
  std::string detail;
  std::string where;

  friend bool operator==(const error&, const error&) = default;
};

std::string to_string(const error& e);

/// A value or the reason why there is none.
template <class T>
using result = tl::expected<T, error>;

/// Makes a failed `result` of any type.
inline tl::unexpected<error> fail(errc code, std::string detail, std::string where = {}) {
  return tl::unexpected<error>(error{code, std::move(detail), std::move(where)});
}

/// Thrown by a handler to answer with a code of its choice; any other exception is
/// `handler_failed`.
class failure : public std::runtime_error {
 public:
  explicit failure(error e) : std::runtime_error(to_string(e)), reason_(std::move(e)) {}
  failure(errc code, std::string detail, std::string where = {})
      : failure(error{code, std::move(detail), std::move(where)}) {}

  const error& reason() const noexcept { return reason_; }

 private:
  error reason_;
};

}  // namespace sm
