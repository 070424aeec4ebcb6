#include <sm/json.hpp>

namespace sm {

result<json> parse_json(std::string_view text) {
  if (text.empty()) return json{};
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
