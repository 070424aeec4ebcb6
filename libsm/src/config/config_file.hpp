// A configuration file with all that belongs to it: the files it includes, variables of the
// environment, secrets in files of their own.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <sm/error.hpp>

#include "config/toml_text.hpp"

namespace sm {

/// What a configuration is read from.
struct config_surroundings {
  std::function<result<std::string>(const std::filesystem::path&)> read;
  /// The files of a folder whose names end with ".toml" and do not begin with a dot.
  std::function<result<std::vector<std::filesystem::path>>(const std::filesystem::path&)> list;
  std::function<std::optional<std::string>(const std::string& name)> variable;
  unsigned cores = 1;  ///< that this process may run on
};

/// The file system, environ(7) and this machine. May wait for the disk.
config_surroundings own_config_surroundings();

/// Variables of a program's own start, which its specification may name: they stay as they are.
inline constexpr std::array<std::string_view, 3> own_variables{"SM_SERVICE", "SM_INSTANCE",
                                                               "SM_INSTANCE_NUMBER"};

/// Reads `file` and what it includes into one document. In texts, `${NAME}` is a variable of the
/// environment and `${NAME:-TEXT}` one with a default; `$${` is `${`, and
/// `$$${NAME}` a `$` before it. In `env` of services, in parameters whose name is a secret's and in
/// queue.url, "file:PATH" is what the file holds, without the line break at its end, and
/// "text:TEXT" is TEXT, whatever it begins with. A path of `env_file` is made absolute.
placed_json read_config_file(const std::filesystem::path& file, const config_surroundings& around,
                             std::vector<config_mistake>& mistakes);

}  // namespace sm
