#include "import/pm2_json.hpp"

#include "import/foreign.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

/// Behind the string that begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

/// Walks through a valid text, whose depth its reader has bounded.
class line_finder {
 public:
  explicit line_finder(std::string_view text) : text_(text) { value(""); }
  std::map<std::string, std::size_t> lines;

 private:
  void skip() {
    while (at_ < text_.size() && is_space(text_[at_])) line_ += text_[at_++] == '\n' ? 1U : 0U;
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string_view string() {
    auto begin = at_;
    at_ = end_of_string(text_, at_);
    return text_.substr(begin, at_ - begin);
  }
  void value(const std::string& pointer) {
    char c = peek();
    lines.emplace(pointer, line_);
    if (c == '{' || c == '[') return elements(pointer, c == '{');
    if (c == '"') {
      string();
      return;
    }
    while (at_ < text_.size() && !is_space(text_[at_]) &&
           std::string_view(",]}").find(text_[at_]) == std::string_view::npos)
      ++at_;
  }
  void elements(const std::string& pointer, bool named) {
    ++at_;
    for (std::size_t i = 0;; ++i) {
      char c = peek();
      if (c == ',') ++at_, c = peek();
      if (c == '}' || c == ']' || c == '\0') break;
      auto at = pointer + "/" + std::to_string(i);
      if (named) {
        auto line = line_;
        auto key = parse_json(string());
        at = pointer + pointer_to(key && key->is_string() ? key->get<std::string>() : "");
        lines.emplace(at, line);
        peek();
        ++at_;  // the colon
      }
      value(at);
    }
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace

std::string plain_json(std::string_view text) {
  std::string out(text);
  auto blank = [&](std::size_t begin, std::size_t end) {
    for (auto i = begin; i < end && i < out.size(); ++i)
      if (out[i] != '\n') out[i] = ' ';
  };
  std::size_t comma = text.npos;  // the last one, if nothing came behind it
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i, 2) == "//") {
      auto end = std::min(text.find('\n', i), text.size());
      blank(i, end);
      i = end;
    } else if (text.substr(i, 2) == "/*") {
      auto end = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      blank(i, end);
      i = end;
    } else if (text[i] == '"') {
      comma = text.npos;
      i = end_of_string(text, i);
    } else {
      if ((text[i] == ']' || text[i] == '}') && comma != text.npos) blank(comma, comma + 1);
      if (text[i] == ',')
        comma = i;
      else if (!is_space(text[i]))
        comma = text.npos;
      ++i;
    }
  }
  return out;
}

std::map<std::string, std::size_t> lines_of_json(std::string_view text) {
  return std::move(line_finder(text).lines);
}

}  // namespace sm::ctl
