// The texts of a supervisord.conf: "%(name)s" and lists of variables.
#pragma once

#include <map>
#include <optional>
#include <sm/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sm::ctl {

/// What "%(...)s" of a program stands for.
struct program_names {
  std::string program, group, here, numprocs;
  /// The number of one process; nothing where each instance has its own, which is put in when it
  /// starts.
  std::optional<unsigned> process_num{};
};

/// A text with its "%(name)s" put in, and "%%" as "%". ENV_ variables stay variables. Fails with
/// the name for one that supervisord would know at its start alone.
result<std::string> expanded(std::string_view text, const program_names& names);

/// Whether a text tells processes apart, and more than SM_INSTANCE_NUMBER could:
/// "%(process_num)02d".
bool has_process_num(std::string_view text);
bool has_formatted_process_num(std::string_view text);

/// KEY="value",KEY2=value as supervisord 4.2 reads it, with Python's shlex: a '#' that is in no
/// quotes begins a comment, and quotes of either kind are taken off both ends of a value, more than
/// one, too ("--name='x'" ends without its quote). Fails as supervisord does.
result<std::map<std::string, std::string>> variables_of(std::string_view text);

}  // namespace sm::ctl
