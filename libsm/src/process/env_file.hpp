// Files of variables, as systemd's EnvironmentFile= has them.
#pragma once

#include <map>
#include <sm/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// Bytes of one file; a larger one is refused.
inline constexpr std::size_t env_file_max = 1 << 20;

/// NAME=VALUE lines by the rules of systemd.exec(5), EnvironmentFile=: blank lines and those that
/// begin with '#' or ';' mean nothing; a value in '...' is taken to the letter, over several lines,
/// too; in "..." a backslash protects ", \, ` and $ and joins lines; elsewhere it protects any
/// character, and blanks at the end are dropped. Nothing is expanded. Of a name that stands twice
/// the last one counts. What systemd passes over without a word (a line that is no assignment, a
/// name that is none, a quote without its end) fails with `bad_arguments` and "FILE:LINE"; `file`
/// is what errors call the text.
result<std::map<std::string, std::string>> parse_env_file(std::string_view text,
                                                          const std::string& file);

/// The variables of all `files`, where later ones win. One that begins with '-' may be missing.
/// Fails with the file, and the line where it has one. May wait for the disk.
result<std::map<std::string, std::string>> read_env_files(const std::vector<std::string>& files);

}  // namespace sm
