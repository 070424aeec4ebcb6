// TOML as JSON, with the place where each value stands: the readers of JSON documents read
// configuration files, too, and what they refuse is found in the file.
#pragma once

#include <compare>
#include <map>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// A place in a file; lines and columns begin with 1, a column is a character.
struct file_place {
  std::string file{};
  unsigned line = 0, column = 0;
  friend auto operator<=>(const file_place&, const file_place&) = default;
};

struct config_mistake {
  file_place where;
  std::string key;  ///< "service.web.command[0]"; may be empty
  std::string detail;
};

/// "FILE:LINE:COLUMN: KEY: DETAIL".
std::string to_string(const config_mistake& m);

struct placed_json {
  json document = json::object();
  std::map<std::string, file_place> places{};  ///< of each key and element, by its JSON pointer

  /// That of what the pointer names, or of the nearest thing around it that is there.
  file_place place_of(std::string pointer) const;
};

/// The key as a file has it: "/service/web/command/0" is "service.web.command[0]".
std::string key_of_pointer(std::string_view pointer);

/// A file that is larger is refused.
inline constexpr std::size_t config_size_max = 1 << 20;

/// Reads the text of `file`. A text that is no TOML is one mistake, for its reader ends there; of
/// values that have no form in JSON (dates, numbers that are not finite) each is one. What nests
/// deeper than 64 levels is refused.
placed_json parse_toml(std::string_view text, const std::string& file,
                       std::vector<config_mistake>& mistakes);

}  // namespace sm
