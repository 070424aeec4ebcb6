// The border to what comes from outside: handlers of the program, messages, files, answers of
// servers. An exception that leaves such code becomes an error value and is logged once with where
// it happened, and the process goes on. SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sm/error.hpp>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sm {

/// The error that the exception being handled stands for; call it in a `catch`. A `failure` is its
/// reason, a lack of memory `overloaded`, everything else `code` with what it says.
error caught_error(errc code) noexcept;

/// Likewise, and logged with `where`. A `failure` is an answer and is not, unless it is `internal`.
error logged_error(std::string_view where, errc code) noexcept;

/// Writes an error that somebody has to look at into the log of the process.
void log_error(std::string_view where, const error& e) noexcept;

namespace detail {

/// Likewise, with the place's name made only now.
template <class Where>
error logged_error_of(const Where& where, errc code) noexcept {
  try {
    return logged_error(std::string_view(where()), code);
  } catch (...) {  // there is no memory for a name
    return logged_error("", code);
  }
}

template <class T>
struct guarded_result {
  using type = result<T>;
};
template <class T>
struct guarded_result<result<T>> {
  using type = result<T>;
};
}  // namespace detail

/// What `f` returns, or the error that the exception leaving it stands for, of any type. `where`
/// names the place for the log, such as "GET /orders/7": a text, or what makes one when it is
/// needed.
template <class Where, class F>
auto guarded(const Where& where, F&& f, errc code = errc::internal) noexcept ->
    typename detail::guarded_result<std::invoke_result_t<F>>::type {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      std::forward<F>(f)();
      return {};
    } else {
      return std::forward<F>(f)();
    }
  } catch (...) {
    if constexpr (std::is_invocable_v<const Where&>)
      return tl::unexpected<error>(detail::logged_error_of(where, code));
    else
      return tl::unexpected<error>(logged_error(where, code));
  }
}

}  // namespace sm
