// The JSON library (nlohmann/json) under the project's name, and JSON that stays text.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// Diagnostics make conversion errors name the path of the field, which is what a caller whose
// arguments were refused needs to know. The macro changes the library's inline namespace, so it has
// to be the same in every translation unit; the CMake target sets it too.
#ifndef JSON_DIAGNOSTICS
#define JSON_DIAGNOSTICS 1
#endif
#include <nlohmann/json.hpp>
#include <optional>
#include <sm/error.hpp>
#include <string>
#include <string_view>

// Made once, in json_instances.cpp: otherwise each file that touches JSON makes most of the library
// again.
extern template class nlohmann::basic_json<>;
extern template class nlohmann::detail::serializer<nlohmann::json>;

namespace sm {

using json = nlohmann::json;

/// A JSON document as text. Results of commands travel as text and are spliced into the answer
/// without being parsed on their way.
struct json_text {
  std::string text;
};

/// Arrays and objects within each other, in texts that come from outside: who walks through a
/// document does so recursively.
inline constexpr std::size_t json_depth_max = 256;

/// Parses `text`; an empty text is `null`. Of a name that stands twice in an object the last one
/// counts, as in ECMAScript, Ruby, PHP and Redis. Fails with `bad_request` and the byte at fault;
/// also when it is nested deeper than `json_depth_max`, for an integer beyond 64 bits, which would
/// be rounded, a number beyond a double, and half of a surrogate pair.
result<json> parse_json(std::string_view text);

/// Fails as `parse_json` does, without making the document.
result<void> check_json(std::string_view text);

/// Appends `text` to `out` as a JSON string with its quotes. Bytes that are no UTF-8 are replaced.
void append_json_string(std::string& out, std::string_view text);

bool is_utf8(std::string_view text);

/// Prints without whitespace; bytes that are no UTF-8 are replaced instead of failing.
std::string print_json(const json& value);

/// Turns an exception of the JSON library into `bad_arguments` with the field's JSON pointer.
error conversion_error(const json::exception& e);

namespace detail {
/// The JSON pointer of a number that `taken` does not hold as it was given: the JSON library makes
/// 1 of 1.9, of true, and of 4294967297.
std::optional<std::string> changed_number(const json& given, const json& taken);
}  // namespace detail

/// Reads a `T` from `value`, or says which field does not fit. A number that a field cannot hold is
/// refused, where `T` can be written as JSON again.
template <class T>
result<T> from_json_value(const json& value) {
  try {
    auto taken = value.get<T>();
    if constexpr (!std::is_same_v<T, json> && requires { json(taken); })
      if (auto where = detail::changed_number(value, json(taken)))
        return fail(errc::bad_arguments, "the field cannot hold this number", std::move(*where));
    return taken;
  } catch (const json::exception& e) {
    return tl::unexpected<error>(conversion_error(e));
  }
}

}  // namespace sm
