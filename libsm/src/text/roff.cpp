#include "text/roff.hpp"

namespace sm {

std::string roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '`') continue;
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  }
  return out;
}

std::string roff_item(std::string_view term, std::string_view text) {
  return ".TP\n.B " + roff(term) + "\n" + (text.empty() ? "\\&" : roff(text)) + "\n";
}

}  // namespace sm
