#include <algorithm>
#include <charconv>
#include <set>
#include <sm/guarded.hpp>
#include <sm/json.hpp>

namespace sm {

namespace {

/// Whether an integer as it is written, with its sign, fits 64 bits.
bool fits_64_bits(std::string_view digits) noexcept {
  auto fits = [&](auto value) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{};
  };
  return digits.starts_with('-') ? fits(std::int64_t{}) : fits(std::uint64_t{});
}

constexpr bool is_of_a_number(char c) {
  return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/// What the parser of the library takes and sm does not: more levels than `json_depth_max`,
/// integers that it would round to a double, and a NUL, behind which it reads no further.
result<void> check_bounds(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > json_depth_max)
        return fail(errc::bad_request,
                    "nested deeper than " + std::to_string(json_depth_max) + " levels");
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      auto begin = i;
      bool whole = true;
      for (; i < text.size() && is_of_a_number(text[i]); ++i)
        if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') whole = false;
      if (whole && i - begin > 18 && !fits_64_bits(text.substr(begin, i - begin)))
        return fail(errc::bad_request,
                    "the integer at byte " + std::to_string(begin + 1) + " is beyond 64 bits");
      --i;
    } else if (c == '\0') {
      return fail(errc::bad_request, "not valid JSON at byte " + std::to_string(i + 1));
    }
  }
  return {};
}

}  // namespace

result<json> parse_json(std::string_view text) {
  if (text.empty()) return json{};
  if (auto ok = check_bounds(text); !ok) return tl::unexpected<error>(std::move(ok.error()));
  try {
    return json::parse(text);
  } catch (const json::parse_error& e) {
    return fail(errc::bad_request, "not valid JSON at byte " + std::to_string(e.byte));
  } catch (const json::out_of_range&) {
    return fail(errc::bad_request, "a number is beyond the range of a double");
  } catch (const std::exception&) {
    return tl::unexpected<error>(caught_error(errc::bad_request));
  }
}

result<void> check_json(std::string_view text) {
  if (auto ok = check_bounds(text); !ok) return ok;
  if (text.empty() || json::accept(text)) return {};
  return parse_json(text).map([](auto&&) {});
}

void append_json_string(std::string& out, std::string_view text) {
  bool plain = true;
  for (char raw : text)
    if (auto c = static_cast<unsigned char>(raw); c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
      plain = false;
      break;
    }
  if (plain) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += print_json(json(text));
  }
}

bool is_utf8(std::string_view text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

namespace {

/// Whether the integer `taken` is what was given. The library's own comparison looks at negative
/// and large numbers without their sign.
bool same_integer(const json& given, const json& taken) {
  if (given.is_number_float()) return given.get<double>() == taken.get<double>();
  if (!given.is_number_integer()) return !given.is_boolean();  // text, such as of an enumeration
  auto negative = [](const json& number) {
    return !number.is_number_unsigned() && number.get<std::int64_t>() < 0;
  };
  return negative(given) == negative(taken) &&
         given.get<std::uint64_t>() == taken.get<std::uint64_t>();
}

constexpr std::size_t searched_max = 1'000;  // objects and lists that are looked for in any order

/// Of an array whose elements do not stand where they were given: a set has its own order, so each
/// number must be somewhere.
std::optional<std::string> missing_number(const json& given, const json& taken) {
  std::set<json> numbers;
  for (auto& each : taken)
    if (each.is_number()) numbers.insert(each);
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto& each = given[i];
    auto where = i < taken.size() ? detail::changed_number(each, taken[i]) : std::string{};
    if (!where) continue;
    bool found = true;
    if (each.is_number() || each.is_boolean())
      found = numbers.contains(each);
    else if (each.is_structured() && taken.size() <= searched_max)
      found = std::any_of(taken.begin(), taken.end(), [&](auto& other) {
        return other.type() == each.type() && !detail::changed_number(each, other);
      });
    if (!found) return "/" + std::to_string(i) + *where;
  }
  return {};
}

}  // namespace

std::optional<std::string> detail::changed_number(const json& given, const json& taken) {
  if (given.is_object() && taken.is_object()) {
    for (auto& [key, value] : taken.items())
      if (auto member = given.find(key); member != given.end())
        if (auto where = changed_number(*member, value)) {
          json::json_pointer at;
          at /= key;
          return at.to_string() + *where;
        }
  } else if (given.is_array() && taken.is_array()) {
    bool in_order = given.size() == taken.size();
    for (std::size_t i = 0; in_order && i < given.size(); ++i)
      in_order = !changed_number(given[i], taken[i]);
    if (!in_order) return missing_number(given, taken);
  } else if (taken.is_number_integer() && !same_integer(given, taken)) {
    return "";
  }
  return {};
}

std::string print_json(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

error conversion_error(const json::exception& e) {
  // With diagnostics the text reads "[json.exception.type_error.302] (/email) type must be ...".
  std::string_view text = e.what();
  if (auto end = text.find("] "); text.starts_with('[') && end != text.npos)
    text.remove_prefix(end + 2);
  std::string where;
  if (text.starts_with('(')) {
    if (auto end = text.find(") "); end != text.npos) {
      where = text.substr(1, end - 1);
      text.remove_prefix(end + 2);
    }
  }
  return {errc::bad_arguments, std::string(text), std::move(where)};
}

}  // namespace sm
