#include "completion.hpp"

#include <algorithm>

#include "text/texts.hpp"

namespace sm::ctl {
namespace {

struct place {
  const verb_row* verb = nullptr;
  std::string first;                  ///< of a verb of two words that is not complete
  std::vector<std::string> operands;  ///< that stand before
  const option_row* waits = nullptr;  ///< whose value comes next
  bool ended = false;                 ///< behind "--"
};

const option_row* option_called(const verb_row* verb, const std::string& word) {
  auto fits = [&](const option_row& row) {
    return word == "--" + std::string(row.name) ||
           (row.letter != 0 && word == std::string{'-', row.letter});
  };
  if (verb)
    for (auto& row : verb->options)
      if (fits(row)) return &row;
  for (auto& row : common_options())
    if (fits(row)) return &row;
  return nullptr;
}

bool begins_a_pair(const std::string& word) {
  return std::any_of(verbs().begin(), verbs().end(),
                     [&](auto& row) { return row.name.starts_with(word + " "); });
}

place place_of(std::span<const std::string> before) {
  place p;
  for (auto& word : before) {
    if (std::exchange(p.waits, nullptr)) continue;
    if (p.ended) continue;
    if (word == "--") {
      p.ended = true;
    } else if (word.size() > 1 && word[0] == '-') {
      auto* row = option_called(p.verb, word);
      if (row && row->value != takes::nothing) p.waits = row;
    } else if (!p.verb && p.first.empty()) {
      p.verb = find_verb(word);
      if (!p.verb) p.first = word;
    } else if (!p.verb) {
      p.verb = find_verb(p.first + " " + word);
    } else {
      p.operands.push_back(word);
    }
  }
  return p;
}

void add_verbs(std::vector<candidate>& out, const std::string& first) {
  for (auto& row : verbs()) {
    auto space = row.name.find(' ');
    if (first.empty() && space == row.name.npos)
      out.push_back({std::string(row.name), std::string(row.summary)});
    else if (first.empty() && (out.empty() || out.back().word != row.name.substr(0, space)))
      out.push_back({std::string(row.name.substr(0, space)), "show and change it"});
    else if (!first.empty() && row.name.starts_with(first + " "))
      out.push_back({std::string(row.name.substr(space + 1)), std::string(row.summary)});
  }
}

void add_names(std::vector<candidate>& out, names from, std::span<const std::string_view> words,
               std::span<const std::string> before, const name_source& source) {
  switch (from) {
    case names::none:
      return;
    case names::words:
      for (auto word : words) out.push_back({std::string(word)});
      return;
    case names::files:
      out.push_back({std::string(files_fit)});
      return;
    case names::signals:
      for (auto* signal : {"HUP", "INT", "TERM", "USR1", "USR2", "KILL", "QUIT", "STOP", "CONT"})
        out.push_back({signal});
      return;
    case names::verbs:
      return add_verbs(out, before.empty() ? "" : before.front());
    default:
      for (auto& name : source(from, before)) out.push_back(name);
  }
}

/// The row of the operand that comes next.
const operand_row* next_operand(const verb_row& verb, std::size_t given) {
  for (auto& row : verb.operands) {
    if (given < row.most) return &row;
    given -= row.most;
  }
  return nullptr;
}

}  // namespace

std::vector<candidate> complete(std::span<const std::string> words, const name_source& source) {
  std::vector<candidate> out;
  const std::string last = words.empty() ? "" : words.back();
  auto p = place_of(words.empty() ? words : words.first(words.size() - 1));
  std::string before_value;
  if (auto equals = last.find('='); !p.waits && last.starts_with("--") && equals != last.npos) {
    p.waits = option_called(p.verb, last.substr(0, equals));
    before_value = last.substr(0, equals + 1);
    if (!p.waits) return {};
  }
  if (p.waits) {
    add_names(out, p.waits->from, p.waits->words, p.operands, source);
    for (auto& c : out)
      if (c.word != files_fit) c.word = before_value + c.word;
  } else if (p.ended) {
    out.push_back({std::string(files_fit)});
  } else if (last.starts_with('-')) {
    auto add_options = [&](std::span<const option_row> rows) {
      for (auto& row : rows) out.push_back({"--" + std::string(row.name), std::string(row.doc)});
    };
    if (p.verb) add_options(p.verb->options);
    add_options(common_options());
  } else if (!p.verb) {
    if (!p.first.empty() && !begins_a_pair(p.first)) return {};
    add_verbs(out, p.first);
  } else if (auto* row = next_operand(*p.verb, p.operands.size())) {
    add_names(out, row->from, row->words, p.operands, source);
  }
  std::erase_if(out, [&](auto& c) { return c.word != files_fit && !c.word.starts_with(last); });
  return out;
}

result<std::string> completion_script(std::string_view shell) {
  // In bash ':' and '=' end a word, so the words are made anew from the line, and what stands
  // before the last of them is taken off again.
  if (shell == "bash")
    return std::string(R"(# bash completion for smctl
_smctl() {
    local line=${COMP_LINE:0:COMP_POINT} word last IFS=$' \t\n'
    local -a words
    read -r -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    last=${words[${#words[@]}-1]}
    COMPREPLY=()
    local cut=
    [[ $last == *[:=]* ]] && cut=${last%"${last##*[:=]}"}
    while IFS=$'\t' read -r word _; do
        if [[ $word == FILES ]]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "${last##*=}"))
        else
            COMPREPLY+=("${word#"$cut"}")
        fi
    done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _smctl smctl
)");
  if (shell == "zsh")
    return std::string(R"(#compdef smctl
_smctl() {
    local -a found
    local line files=
    for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == FILES ]]; then
            files=1
        elif [[ -n $line ]]; then
            found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        fi
    done
    (( ${#found} )) && _describe smctl found
    [[ -n $files ]] && _files
}
if [ "$funcstack[1]" = "_smctl" ]; then
    _smctl "$@"
else
    compdef _smctl smctl
fi
)");
  if (shell == "fish")
    return std::string(R"(# fish completion for smctl
function __smctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    set -l found ($program __complete -- $words[2..-1] 2>/dev/null)
    for line in $found
        if test "$line" = FILES
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c smctl -f -a '(__smctl_complete)'
)");
  constexpr std::string_view shells[] = {"bash", "zsh", "fish"};
  return fail(errc::bad_arguments,
              "there is no completion for " + in_quotes(shell) + instead_of(shell, shells));
}

}  // namespace sm::ctl
