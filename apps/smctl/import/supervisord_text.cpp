#include "import/supervisord_text.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "import/foreign.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

constexpr std::string_view number_begins = "%(process_num)";

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '_';
  });
}

/// "02d" behind its parenthesis: how wide; nothing for what is none.
struct number_form {
  unsigned width = 0;
  bool zeros = false;
  std::size_t size = 0;
};
std::optional<number_form> form_of(std::string_view text) {
  number_form form;
  auto end = text.find_first_not_of("0123456789");
  if (end == text.npos || (text[end] != 'd' && text[end] != 's')) return std::nullopt;
  auto digits = text.substr(0, end);
  if (!digits.empty()) {
    auto width = parse_integer<unsigned>(digits, 0, 100);
    if (!width) return std::nullopt;
    form = {*width, digits.starts_with('0'), 0};
  }
  form.size = end + 1;
  return form;
}

/// Words of Python's shlex.shlex(text) with supervisord's letters.
class lexer {
 public:
  explicit lexer(std::string_view text) : text_(text) {}

  /// Nothing at the end; fails for a quote without its end.
  result<std::optional<std::string>> next() {
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      if (at_ == text_.size()) return std::optional<std::string>();
      if (text_[at_] != '#') break;
      skip_comment();
    }
    std::string word(1, text_[at_++]);
    if (is_quote(word[0])) {
      auto end = text_.find(word[0], at_);
      if (end == text_.npos) return fail(errc::bad_arguments, "a quote is not closed");
      word += text_.substr(at_, end + 1 - at_);
      at_ = end + 1;
    } else if (is_letter(word[0])) {
      for (; at_ < text_.size(); ++at_) {
        if (text_[at_] == '#')
          skip_comment();
        else if (is_letter(text_[at_]) || is_quote(text_[at_]))
          word += text_[at_];
        else
          break;
        if (at_ == text_.size()) break;
      }
    }
    return std::optional(std::move(word));
  }

 private:
  static bool is_quote(char c) { return c == '"' || c == '\''; }
  static bool is_letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_/.+-():").find(c) != std::string_view::npos || c == variable_begin ||
           c == variable_end;
  }
  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool has_process_num(std::string_view text) { return text.find(number_begins) != text.npos; }

bool has_formatted_process_num(std::string_view text) {
  for (auto at = text.find(number_begins); at != text.npos; at = text.find(number_begins, at + 1))
    if (auto form = form_of(text.substr(at + number_begins.size())); form && form->width > 0)
      return true;
  return false;
}

result<std::string> expanded(std::string_view text, const program_names& names) {
  std::string out;
  while (!text.empty()) {
    auto percent = std::min(text.find('%'), text.size());
    out += text.substr(0, percent);
    text.remove_prefix(percent);
    if (text.empty()) break;
    if (text.starts_with("%%")) {
      out += '%';
      text.remove_prefix(2);
      continue;
    }
    auto end = text.find(')');
    auto form = end == text.npos ? std::nullopt : form_of(text.substr(end + 1));
    if (!text.starts_with("%(") || !form) return fail(errc::bad_arguments, "a '%' is written '%%'");
    auto name = text.substr(2, end - 2);
    text.remove_prefix(end + 1 + form->size);
    if (name.starts_with("ENV_") && !is_variable_name(name.substr(4)))
      return fail(errc::bad_arguments, in_quotes(name.substr(4)) + " is no name of a variable");
    if (name.starts_with("ENV_"))
      out += variable(name.substr(4));
    else if (name == "program_name")
      out += names.program;
    else if (name == "group_name")
      out += names.group;
    else if (name == "here")
      out += names.here;
    else if (name == "host_node_name")
      out += variable("HOSTNAME");
    else if (name == "numprocs")
      out += names.numprocs;
    else if (name == "process_num" && !names.process_num)
      out += variable("SM_INSTANCE_NUMBER");
    else if (name == "process_num" && form->zeros)
      out += fmt::format("{:0{}}", *names.process_num, form->width);
    else if (name == "process_num")
      out += fmt::format("{:{}}", *names.process_num, form->width);
    else
      return fail(errc::bad_arguments, "'%(" + std::string(name) + ")s' has no counterpart");
  }
  return out;
}

result<std::map<std::string, std::string>> variables_of(std::string_view text) {
  std::vector<std::string> words;
  for (lexer all(text);;) {
    auto word = all.next();
    if (!word) return tl::unexpected<error>(word.error());
    if (!*word) break;
    words.push_back(std::move(**word));
  }
  std::map<std::string, std::string> out;
  // The word behind a value, whatever it is, is passed over.
  for (std::size_t i = 0; i < words.size(); i += 4) {
    if (i + 2 >= words.size() || words[i + 1] != "=")
      return fail(errc::bad_arguments,
                  "is not KEY=\"value\",KEY2=\"value\"; supervisord refuses it, too");
    std::string_view value = words[i + 2];
    auto first = std::min(value.find_first_not_of("'\""), value.size());
    auto last = value.find_last_not_of("'\"");
    out[words[i]] = first == value.size() ? "" : value.substr(first, last - first + 1);
  }
  return out;
}

}  // namespace sm::ctl
