// Command lines of a unit as one command.
#include <algorithm>
#include <cctype>

#include "import/foreign.hpp"
#include "import/systemd_text.hpp"

namespace sm::ctl {
namespace {

struct word_part {
  bool is_variable;
  std::string text;
};
struct exec_word {
  std::vector<word_part> parts{};
  bool split = false;  ///< a variable alone, which is as many words as it has
};

bool is_name(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

/// As replace_env_argv() of systemd 252: "$NAME" is a variable when it is the whole word, "${NAME}"
/// anywhere, "$$" is "$". Of "$NAME/x" it looks for a variable of that name, which there is not, so
/// the word is none; of "--x=$NAME" nothing is put in.
std::optional<exec_word> parts_of_word(const std::string& word, const exec_line& line,
                                       composed_command& out) {
  if (word.size() > 1 && word[0] == '$' && word[1] != '{' && word[1] != '$') {
    auto name = word.substr(1);
    if (is_name(name)) return exec_word{{{true, name}}, true};
    out.losses.push_back({&line, "'" + word +
                                     "' is left out, as systemd leaves it out: a variable within a "
                                     "word is written ${NAME}"});
    return std::nullopt;
  }
  exec_word made;
  std::string text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    auto end = word.compare(i, 2, "${") == 0 ? word.find('}', i) : word.npos;
    if (end != word.npos && is_name(std::string_view(word).substr(i + 2, end - i - 2))) {
      if (!text.empty()) made.parts.push_back({false, std::exchange(text, {})});
      made.parts.push_back({true, word.substr(i + 2, end - i - 2)});
      i = end;
    } else {
      bool doubled = word.compare(i, 2, "$$") == 0;
      text += word[i];
      if (doubled) ++i;
    }
  }
  if (!text.empty() || made.parts.empty()) made.parts.push_back({false, text});
  return made;
}

/// Puts in what is known; a split variable becomes its words.
std::vector<exec_word> with_known(const exec_word& word,
                                  const std::map<std::string, std::string>& known) {
  if (word.split) {
    auto value = known.find(word.parts[0].text);
    if (value == known.end()) return {word};
    std::vector<exec_word> all;
    if (auto words = unit_words(value->second))
      for (auto& w : *words) all.push_back({{{false, w}}});
    return all;
  }
  auto made = word;
  for (auto& part : made.parts)
    if (auto value = part.is_variable ? known.find(part.text) : known.end(); value != known.end())
      part = {false, value->second};
  return {made};
}

struct shell_piece {
  std::string text;
  std::vector<std::string> plain{};  ///< its words, where no shell is needed
};

shell_piece piece_of(const exec_line& line, const std::map<std::string, std::string>& known,
                     composed_command& out) {
  auto has = [&](char c) { return line.prefixes.find(c) != line.prefixes.npos; };
  auto words = line.words;
  if (has('@') && words.size() > 1) {
    words.erase(words.begin() + 1);
    out.losses.push_back({&line, "'@': the program's name stays what it is"});
  }
  if (has('+') || has('!'))
    out.losses.push_back({&line, "'+' and '!': all of it runs as the user"});
  shell_piece piece;
  bool plain = true;
  for (auto& word : words) {
    auto parts =
        has(':') ? std::optional(exec_word{{{false, word}}}) : parts_of_word(word, line, out);
    if (!parts) continue;
    for (auto& made : with_known(*parts, known)) {
      std::string text, whole;
      for (auto& part : made.parts) {
        plain = plain && !part.is_variable;
        whole += part.text;
        if (!part.is_variable)
          text += part.text.empty() && made.parts.size() > 1 ? "" : shell_quoted(part.text);
        else
          text += made.split ? "$" + part.text : "\"${" + part.text + "}\"";
        if (made.split && part.is_variable)
          out.losses.push_back({&line, "$" + part.text +
                                           ": a shell splits it at blanks, quotes in its "
                                           "value are characters like others"});
      }
      piece.text += (piece.text.empty() ? "" : " ") + text;
      piece.plain.push_back(std::move(whole));
    }
  }
  if (!plain) piece.plain.clear();
  return piece;
}

}  // namespace

composed_command compose_command(const std::vector<exec_line>& before,
                                 const std::vector<exec_line>& lines,
                                 const std::map<std::string, std::string>& known) {
  composed_command out;
  std::vector<const exec_line*> all;
  for (auto* some : {&before, &lines})
    for (auto& line : *some) all.push_back(&line);
  std::string script;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto piece = piece_of(*all[i], known, out);
    bool last = i + 1 == all.size(), heedless = all[i]->prefixes.find('-') != std::string::npos;
    if (last && heedless) out.losses.push_back({all[i], "'-': its failure is one"});
    if (last && all.size() == 1 && !piece.plain.empty()) {
      out.command = piece.plain;
      return out;
    }
    script += last       ? "exec " + piece.text
              : heedless ? "{ " + piece.text + " || :; } && "
                         : piece.text + " && ";
  }
  // No names of files are made of what a variable holds.
  bool splits = script.find(" $") != script.npos;
  out.command = {"/bin/sh", "-c", (splits ? "set -f; " : "") + script};
  return out;
}

}  // namespace sm::ctl
