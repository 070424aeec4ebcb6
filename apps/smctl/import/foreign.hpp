// What the readers of other managers' files share.
#pragma once

#include <map>

#include "import/import.hpp"

namespace sm::ctl {

// -- one reader for each kind

result<void> import_supervisord(const foreign_file& file, imported& into);
result<void> import_procfile(const foreign_file& file, imported& into);
result<void> import_pm2(const foreign_file& file, imported& into);
result<void> import_systemd(const foreign_file& file, imported& into);

// -- texts

/// Stands in a text for a variable of the manager's environment, which the configuration's reader
/// puts in ("HOME"; "XDG_RUNTIME_DIR:-/run"). What it is made of is refused in files.
std::string variable(std::string_view name);
inline constexpr char variable_begin = '\x01', variable_end = '\x02';

/// A text with stand-ins for variables, as one that has to be checked.
std::string with_stand_ins(std::string_view text);

bool is_space(char c);
std::string lower(std::string text);
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);
/// As Python's and systemd's booleans: 1, yes, y, true, t, on, in whatever case.
bool is_true(std::string_view text);
std::string_view trimmed(std::string_view text);

/// What is the same for all: where the output goes is not asked.
inline constexpr std::string_view one_log = "what a service prints is in its log, see 'smctl logs'";

/// The parts of a list, trimmed, without empty ones.
std::vector<std::string> parts_of(std::string_view text, std::string_view separators);

/// "web/1" as the name of a service: "web-1". What it has to be called otherwise is a loss.
std::string as_name(std::string_view text);

// -- command lines

/// As Python's shlex.split: quotes and backslashes of a shell, nothing expanded. Fails with
/// `bad_arguments` for a quote without its end.
result<std::vector<std::string>> shell_words(std::string_view text);

/// A word as a shell takes it to the letter.
std::string shell_quoted(std::string_view word);

/// A line for a shell as a command: split where it is plain words, else for `sh -c`.
json command_of_line(const std::string& line);

/// It can stand behind `exec`: one plain command.
bool is_single_command(std::string_view line);

// -- specifications

/// Lets `take` change a specification and say what it could not; what nobody would take is undone,
/// and why is said.
std::string checked(json& spec, const std::function<std::string(json&)>& take);

/// Takes what was refused out of a document: empty objects, nulls.
void drop_empty(json& document);

}  // namespace sm::ctl
