// Members of a JSON document from outside, read one by one. What does not fit throws `failure` with
// `bad_arguments` and the member at fault; `where` is the JSON pointer of the object it is in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <sm/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {

/// The last moment that std::chrono::system_clock can name: in the year 2262.
inline constexpr std::int64_t latest_ms = 9'223'372'036'000;

template <class T>
T field(const json& body, const char* key, T otherwise, const std::string& where = {}) {
  auto member = body.find(key);
  if (member == body.end()) return otherwise;
  auto wrong = [&](std::string why) {
    return failure(errc::bad_arguments, std::move(why), where + "/" + key);
  };
  // The JSON library would convert silently.
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    constexpr auto most =
        sizeof(T) > 4 ? latest_ms : std::int64_t{std::numeric_limits<std::int32_t>::max()};
    auto value = read_integer<T>(*member, 0, static_cast<T>(most));
    if (!value) throw wrong(value.error().detail);
    return *value;
  }
  try {
    auto value = member->template get<T>();
    if constexpr (std::is_same_v<T, std::string>)
      if (auto ok = check_text(value); !ok) throw wrong(ok.error().detail);
    return value;
  } catch (const json::exception& e) {
    throw wrong(conversion_error(e).detail);
  }
}

inline std::chrono::milliseconds duration_field(const json& body, const char* key,
                                                std::chrono::milliseconds otherwise,
                                                const std::string& where = {}) {
  if (!body.contains(key)) return otherwise;
  auto value = parse_duration(field(body, key, std::string{}, where));
  if (!value) throw failure(errc::bad_arguments, value.error().detail, where + "/" + key);
  return *value;
}

inline void refuse_unknown(const json& body, std::span<const std::string_view> known,
                           const std::string& where = {}) {
  if (!body.is_object()) throw failure(errc::bad_arguments, "must be a JSON object", where);
  for (auto& [key, value] : body.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw failure(errc::bad_arguments, "unknown field" + instead_of(key, known),
                    where + pointer_to(key));
}

inline void refuse_unknown(const json& body, std::initializer_list<std::string_view> known,
                           const std::string& where = {}) {
  refuse_unknown(body, std::span(known.begin(), known.size()), where);
}

}  // namespace sm
