#include "process/env_file.hpp"

#include <algorithm>

#include "system/whole_file.hpp"
#include "text/ascii.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::string_view protected_in_quotes = "\"\\`$";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// env_name_is_valid() of systemd: as a shell has it.
bool is_variable_name(std::string_view name) {
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_'; });
}

/// Walks through the text once, and knows the line it is in. Its errors show nothing of the text,
/// which has secrets: a line that is wrong is the second one of a key, as likely as not.
class env_reader {
 public:
  env_reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  result<std::map<std::string, std::string>> read() {
    std::map<std::string, std::string> all;
    while (skip_to_assignment()) {
      auto name = take_name();
      if (!name) return tl::unexpected<error>(name.error());
      auto value = take_value();
      if (!value) return tl::unexpected<error>(value.error());
      if (auto ok = check_text(*value); !ok)
        return wrong("the value of " + *name + " " + ok.error().detail);
      all[*name] = std::move(*value);
    }
    return all;
  }

 private:
  bool ended() const { return at_ >= text_.size(); }
  char next() const { return text_[at_]; }
  char take() {
    if (text_[at_] == '\n') ++line_;
    return text_[at_++];
  }
  tl::unexpected<error> wrong(const std::string& why) const {
    return fail(errc::bad_arguments, why, file_ + ":" + std::to_string(begun_));
  }

  /// Passes blank lines and comments; false at the end.
  bool skip_to_assignment() {
    while (!ended()) {
      while (!ended() && is_blank(next())) take();
      if (ended()) break;
      if (next() != '#' && next() != ';') {
        begun_ = line_;
        return true;
      }
      // A backslash at its end does not make the next line a comment: systemd 252 took it for one,
      // 254 does not.
      while (!ended() && take() != '\n') {
      }
    }
    return false;
  }

  result<std::string> take_name() {
    auto end = std::min(text_.find_first_of("=\n", at_), text_.size());
    auto name = text_.substr(at_, end - at_);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (end == text_.size() || text_[end] == '\n') return wrong("is not NAME=VALUE");
    if (!is_variable_name(name))
      return wrong(std::string("what is before the '=' is no name of a variable") +
                   (name.starts_with("export ") ? ": leave the 'export' out" : ""));
    at_ = end + 1;
    return std::string(name);
  }

  /// Up to the end of the assignment.
  result<std::string> take_value() {
    std::string value;
    for (;;) {
      while (!ended() && next() != '\n' && is_blank(next())) take();
      if (ended() || next() == '\n') return value;
      if (next() == '\'' || next() == '"') {
        if (!take_quoted(value)) return wrong("a quote is not closed");
      } else {
        take_plain(value);
        return value;
      }
    }
  }

  bool take_quoted(std::string& value) {
    const char quote = take();
    while (!ended()) {
      char c = take();
      if (c == quote) return true;
      if (c != '\\' || quote == '\'' || ended()) {
        value += c;
      } else if (char escaped = take();
                 protected_in_quotes.find(escaped) != std::string_view::npos) {
        value += escaped;
      } else if (escaped != '\n') {
        value += {'\\', escaped};
      }
    }
    return false;
  }

  /// The rest of the line, in which quotes are characters like others.
  void take_plain(std::string& value) {
    std::size_t kept = value.size();
    while (!ended() && next() != '\n') {
      char c = take();
      bool escaped = c == '\\' && !ended();
      if (escaped) c = take();
      if (escaped && c == '\n') continue;
      value += c;
      if (escaped || !is_blank(c)) kept = value.size();
    }
    value.resize(kept);
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0, line_ = 1, begun_ = 1;
};

}  // namespace

result<std::map<std::string, std::string>> parse_env_file(std::string_view text,
                                                          const std::string& file) {
  return env_reader(text, file).read();
}

result<std::map<std::string, std::string>> read_env_files(const std::vector<std::string>& files) {
  std::map<std::string, std::string> all;
  for (auto& entry : files) {
    bool optional = entry.starts_with('-');
    auto file = entry.substr(optional ? 1 : 0);
    auto text = read_whole_file(file, env_file_max);
    if (!text && optional && text.error().code == errc::not_found) continue;
    if (!text) return fail(text.error().code, text.error().detail, file);
    if (text->size() > env_file_max)
      return fail(errc::bad_arguments, "has more than " + std::to_string(env_file_max) + " bytes",
                  file);
    auto variables = parse_env_file(*text, file);
    if (!variables) return variables;
    for (auto& [name, value] : *variables) all[name] = std::move(value);
  }
  return all;
}

}  // namespace sm
