// Two dialects of INI files: that of Python's configparser as supervisord sets it up, and
// systemd's.
#pragma once

#include <sm/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sm::ctl {

struct ini_entry {
  std::string key, value;
  std::size_t line = 0;
};

struct ini_section {
  std::string name;
  std::size_t line = 0;
  std::vector<ini_entry> entries{};
};

/// configparser's: keys in small letters, '=' or ':', more lines of a value are further in, " ;"
/// and " #" begin comments. A section, or a key within it, that is twice is one with what is said
/// last, as supervisord has it. Fails with `bad_arguments` and "FILE:LINE".
result<std::vector<ini_section>> read_python_ini(std::string_view text, const std::string& file);

/// systemd.syntax(7): a backslash at the end joins lines, '#' and ';' begin lines that mean
/// nothing, between joined ones, too. Every assignment stays, in its order.
result<std::vector<ini_section>> read_unit_file(std::string_view text, const std::string& file);

}  // namespace sm::ctl
