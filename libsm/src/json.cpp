#include <algorithm>
#include <sm/json.hpp>

namespace sm {

namespace {

/// How deep arrays and objects stand within each other.
bool too_deep(std::string_view text) noexcept {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i)
          if (text[i] == '\\') ++i;
        break;
      case '[':
      case '{':
        if (++depth > json_depth_max) return true;
        break;
      case ']':
      case '}':
        if (depth > 0) --depth;
        break;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

result<json> parse_json(std::string_view text) {
  if (text.empty()) return json{};
  if (too_deep(text))
    return fail(errc::bad_request,
                "nested deeper than " + std::to_string(json_depth_max) + " levels");
  try {
    return json::parse(text);
  } catch (const json::parse_error& e) {
    return fail(errc::bad_request, "not valid JSON at byte " + std::to_string(e.byte));
  }
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

constexpr std::size_t unordered_max = 1'000;  // elements that are looked for in any order

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
    for (std::size_t i = 0; i < given.size() && i < taken.size(); ++i) {
      auto where = changed_number(given[i], taken[i]);
      if (!where) continue;
      // A set has its own order.
      bool elsewhere = given.size() > unordered_max ||
                       std::any_of(given.begin(), given.end(),
                                   [&](auto& other) { return !changed_number(other, taken[i]); });
      if (!elsewhere) return "/" + std::to_string(i) + *where;
    }
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
