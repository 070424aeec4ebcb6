#include "arguments.hpp"

#include <algorithm>
#include <optional>

#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm::ctl {
namespace {

auto wrong(std::string detail) { return fail(errc::bad_arguments, std::move(detail)); }

std::string dashed(const option_row& row) { return "--" + std::string(row.name); }

result<void> check_value(const option_row& row, const std::string& value) {
  auto refuse = [&](const std::string& why) { return wrong(dashed(row) + " " + why); };
  switch (row.value) {
    case takes::nothing:
      return {};
    case takes::text:
      if (auto ok = check_text(value); !ok) return refuse(ok.error().detail);
      return {};
    case takes::number:
      if (auto n = parse_integer<std::uint64_t>(value, row.least, row.most); !n)
        return refuse(n.error().detail);
      return {};
    case takes::duration:
      if (auto d = parse_duration(value); !d) return refuse(d.error().detail);
      return {};
    case takes::word:
      if (std::find(row.words.begin(), row.words.end(), value) != row.words.end()) return {};
      return refuse("has no value " + in_quotes(value) + instead_of(value, row.words));
  }
  return {};
}

/// An option, not an operand: "-" is standard input, and "-1" a number.
bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

class reader {
 public:
  explicit reader(std::span<const std::string> words) : words_(words) {}

  result<invocation> read() {
    if (auto ok = find_the_verb(); !ok) return tl::unexpected<error>(ok.error());
    for (at_ = 0; at_ < words_.size(); ++at_) {
      if (is_verb_word(at_)) continue;
      auto& word = words_[at_];
      if (word == "--") {
        if (auto ok = take_rest(); !ok) return tl::unexpected<error>(ok.error());
        break;
      }
      auto ok = !is_option(word)         ? take_operand(word)
                : word.starts_with("--") ? take_long(word.substr(2))
                                         : take_letters(word.substr(1));
      if (!ok) return tl::unexpected<error>(ok.error());
    }
    return finish();
  }

 private:
  bool is_verb_word(std::size_t i) const {
    return std::find(verb_words_.begin(), verb_words_.end(), i) != verb_words_.end();
  }

  /// Options may stand before the verb, so their values are passed over first.
  std::vector<std::size_t> plain_words() const {
    std::vector<std::size_t> plain;
    for (std::size_t i = 0; i < words_.size() && words_[i] != "--" && plain.size() < 2; ++i) {
      auto& word = words_[i];
      if (!is_option(word)) {
        plain.push_back(i);
        continue;
      }
      bool common = false;
      for (auto& row : common_options()) {
        bool whole =
            word == dashed(row) || (row.letter != 0 && word == std::string{'-', row.letter});
        common = common || whole || word.starts_with(dashed(row) + "=");
        if (whole && row.value != takes::nothing) ++i;
      }
      // Behind the first word of a verb every other option is the verb's own.
      if (!plain.empty() && !common) break;
    }
    return plain;
  }

  result<void> find_the_verb() {
    auto plain = plain_words();
    for (auto& word : words_) {
      if (word == "--") break;
      if (word == "--help" || word == "-h") help_ = true;
      if (plain.empty() && (word == "--version" || word == "-V")) {
        given_.verb = find_verb("version");
        return {};
      }
    }
    if (plain.empty()) {
      if (help_) return {};
      return wrong("say what to do: 'smctl help' shows all verbs");
    }
    auto first = words_[plain[0]];
    if (plain.size() > 1)
      if (auto* two = find_verb(first + " " + words_[plain[1]])) {
        given_.verb = two;
        verb_words_ = plain;
        return {};
      }
    if (auto* one = find_verb(first)) {
      given_.verb = one;
      verb_words_ = {plain[0]};
      return {};
    }
    return find_group(first, plain);
  }

  /// "queue", alone or before a word that is none of its verbs.
  result<void> find_group(const std::string& first, const std::vector<std::size_t>& plain) {
    std::vector<std::string_view> of_group, all;
    for (auto& row : verbs()) {
      all.push_back(row.name.substr(0, row.name.find(' ')));
      for (auto alias : row.aliases) all.push_back(alias.substr(0, alias.find(' ')));
      if (row.name.starts_with(first + " ")) of_group.push_back(row.name.substr(first.size() + 1));
    }
    if (of_group.empty()) {
      // A mistyped option before it makes a verb of what was to be its value.
      for (std::size_t i = 0; i < plain[0]; ++i)
        if (words_[i].starts_with("--"))
          if (auto row = known_option(words_[i].substr(2)); !row)
            return tl::unexpected<error>(row.error());
      auto near = nearest(first, all);
      return wrong("there is no verb " + in_quotes(first) +
                   (near.empty() ? "; 'smctl help' shows all"
                                 : "; did you mean '" + std::string(near) + "'?"));
    }
    if (plain.size() > 1) {
      auto& second = words_[plain[1]];
      return wrong("there is no verb " + in_quotes(first + " " + second) +
                   instead_of(second, of_group));
    }
    given_.verb = find_verb(default_of(first));
    verb_words_ = {plain[0]};
    return {};
  }

  template <class Matches>
  const option_row* option(Matches matches) const {
    if (given_.verb)
      for (auto& row : given_.verb->options)
        if (matches(row)) return &row;
    for (auto& row : common_options())
      if (matches(row)) return &row;
    return nullptr;
  }

  result<const option_row*> known_option(std::string_view text) const {
    auto name = text.substr(0, text.find('='));
    auto* row = option([&](auto& r) { return r.name == name; });
    if (!row) {
      std::vector<std::string_view> known;
      if (given_.verb)
        for (auto& r : given_.verb->options) known.push_back(r.name);
      for (auto& r : common_options()) known.push_back(r.name);
      auto near = nearest(name, known);
      return wrong("there is no option " + in_quotes("--" + std::string(name)) + of_verb() +
                   (near.empty() ? see_help() : "; did you mean '--" + std::string(near) + "'?"));
    }
    return row;
  }

  result<void> take_long(std::string_view text) {
    auto row = known_option(text);
    if (!row) return tl::unexpected<error>(row.error());
    auto equals = text.find('=');
    if (equals == text.npos) return take_value(**row, std::nullopt);
    if ((*row)->value == takes::nothing) return wrong(dashed(**row) + " takes no value");
    return take_value(**row, std::string(text.substr(equals + 1)));
  }

  result<void> take_letters(std::string_view letters) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      auto* row = option([&](auto& r) { return r.letter != 0 && r.letter == letters[i]; });
      if (!row)
        return wrong("there is no option " + in_quotes("-" + std::string(1, letters[i])) +
                     of_verb() + see_help());
      if (row->value == takes::nothing) {
        if (auto ok = take_value(*row, std::nullopt); !ok) return ok;
        continue;
      }
      auto rest = letters.substr(i + 1);
      return take_value(*row, rest.empty() ? std::nullopt : std::optional(std::string(rest)));
    }
    return {};
  }

  result<void> take_value(const option_row& row, std::optional<std::string> value) {
    auto& values = given_.options[row.name];
    if (row.value == takes::nothing) {
      values.assign(1, "");
      return {};
    }
    if (!value) {
      if (at_ + 1 >= words_.size() || is_verb_word(at_ + 1))
        return wrong(dashed(row) + " needs a value: " + std::string(row.meta));
      value = words_[++at_];
    }
    if (auto ok = check_value(row, *value); !ok) return ok;
    if (!row.repeats && !values.empty()) return wrong(dashed(row) + " is given twice");
    values.push_back(std::move(*value));
    return {};
  }

  result<void> take_operand(const std::string& word) {
    if (auto ok = check_text(word); !ok) return ok;
    given_.operands.push_back(word);
    return {};
  }

  result<void> take_rest() {
    std::vector<std::string> rest(words_.begin() + static_cast<std::ptrdiff_t>(at_) + 1,
                                  words_.end());
    for (auto& word : rest)
      if (auto ok = check_text(word); !ok) return ok;
    auto& to =
        given_.verb && !given_.verb->command_line.empty() ? given_.command_line : given_.operands;
    to.insert(to.end(), rest.begin(), rest.end());
    return {};
  }

  result<invocation> finish() {
    if (help_) {
      if (given_.verb && given_.verb->name != "help")
        given_.operands.assign(1, std::string(given_.verb->name));
      given_.verb = find_verb("help");
      return std::move(given_);
    }
    std::size_t least = 0, most = 0;
    for (auto& row : given_.verb->operands) {
      if (given_.operands.size() < (least += row.least)) {
        return wrong("'" + std::string(given_.verb->name) + "' needs " + std::string(row.name) +
                     (row.doc.empty() ? "" : ": " + std::string(row.doc)));
      }
      most += row.most;
    }
    if (given_.operands.size() > most)
      return wrong("'" + std::string(given_.verb->name) + "' takes no " +
                   in_quotes(given_.operands[most]) + see_help());
    if (auto ok = check_words(); !ok) return tl::unexpected<error>(ok.error());
    return std::move(given_);
  }

  result<void> check_words() const {
    for (std::size_t i = 0; i < given_.verb->operands.size() && i < given_.operands.size(); ++i) {
      auto& row = given_.verb->operands[i];
      auto& word = given_.operands[i];
      if (!row.words.empty() &&
          std::find(row.words.begin(), row.words.end(), word) == row.words.end())
        return wrong(std::string(row.name) + " cannot be " + in_quotes(word) +
                     instead_of(word, row.words));
    }
    return {};
  }

  std::string of_verb() const {
    return given_.verb ? " of '" + std::string(given_.verb->name) + "'" : std::string();
  }
  std::string see_help() const {
    return "; see 'smctl help" + (given_.verb ? " " + std::string(given_.verb->name) : "") + "'";
  }

  std::span<const std::string> words_;
  std::size_t at_ = 0;
  std::vector<std::size_t> verb_words_;
  bool help_ = false;
  invocation given_;
};

}  // namespace

std::string invocation::value(std::string_view option, std::string_view otherwise) const {
  auto entry = options.find(option);
  return entry == options.end() ? std::string(otherwise) : entry->second.back();
}

std::chrono::milliseconds invocation::duration(std::string_view option,
                                               std::chrono::milliseconds otherwise) const {
  return has(option) ? parse_duration(value(option)).value_or(otherwise) : otherwise;
}

std::uint64_t invocation::number(std::string_view option, std::uint64_t otherwise) const {
  return has(option) ? parse_integer<std::uint64_t>(value(option)).value_or(otherwise) : otherwise;
}

result<invocation> read_arguments(std::span<const std::string> words) {
  return reader(words).read();
}

}  // namespace sm::ctl
