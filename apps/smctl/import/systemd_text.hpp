// The texts of a systemd unit: quoted words, specifiers, spans of time, command lines.
#pragma once

#include <chrono>
#include <map>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sm::ctl {

/// systemd.syntax(7): words between blanks; quotes of either kind, anywhere in a word, hold blanks
/// together; C's escapes. Fails with `bad_arguments` for a quote without its end or an escape that
/// there is not.
result<std::vector<std::string>> unit_words(std::string_view text);

/// What the specifiers of one unit stand for.
struct unit_names {
  std::string name;    ///< without ".service"
  std::string prefix;  ///< what is before the "@"
  std::string instance;
  std::string folder;  ///< of its file
};

/// A text with its specifiers (%h, %i, ...) put in, as far as they are known before the start.
/// Fails with the specifier for one that is not.
result<std::string> with_specifiers(std::string_view text, const unit_names& names);

/// systemd.time(7): "5", "1min 30s", "1.5s"; "infinity" is a year. Fails for what is none.
result<std::chrono::milliseconds> unit_span(std::string_view text);

/// A line of ExecStart= or its like.
struct exec_line {
  std::string prefixes{};            ///< of "@-:+!"
  std::vector<std::string> words{};  ///< specifiers put in, variables not
  std::string_view key{};            ///< "ExecStart", or "ExecStartPre"
  std::size_t line = 0;              ///< where it stands
};

/// Lines of one assignment, which " ; " separates.
result<std::vector<exec_line>> exec_lines(std::string_view text, const unit_names& names);

struct exec_loss {
  const exec_line* of;
  std::string why;
};

struct composed_command {
  json command;
  std::vector<exec_loss> losses{};  ///< of the lines it was made of
};

/// One command that runs `before`, each to its end, and then becomes the last of `lines`, the
/// others of which run before that. Of `known` variables the values are put in, as systemd does it
/// at a start ($NAME alone is split at blanks, ${NAME} is a part of its word, and $NAME within a
/// word is to the letter); what is not known a shell puts in.
composed_command compose_command(const std::vector<exec_line>& before,
                                 const std::vector<exec_line>& lines,
                                 const std::map<std::string, std::string>& known);

}  // namespace sm::ctl
