#include "http/event_text.hpp"

namespace sm {
namespace {

constexpr std::string_view breaking("\r\n\0", 3);

void append_line(std::string& out, std::string_view text) {
  for (;;) {
    auto at = text.find_first_of(breaking);
    out += text.substr(0, at);
    if (at == text.npos) return;
    out += text[at] == '\r' ? "\\r" : text[at] == '\n' ? "\\n" : "\\0";
    text.remove_prefix(at + 1);
  }
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  append_line(out, value);
  out += '\n';
}

}  // namespace

void append_event(std::string& out, const event_fields& fields) {
  if (!fields.event.empty()) append_field(out, "event", fields.event);
  if (!fields.id.empty()) append_field(out, "id", fields.id);
  append_field(out, "data", fields.data);
  out += '\n';
}

std::string one_line(std::string_view text) {
  std::string out;
  append_line(out, text);
  return out;
}

}  // namespace sm
