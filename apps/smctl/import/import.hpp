// Files of other managers as services of a configuration, and what of them has no counterpart. All
// of it is pure: files come as values.
#pragma once

#include <functional>
#include <optional>
#include <sm/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sm::ctl {

enum class foreign_kind { supervisord, procfile, pm2, systemd };

/// The kinds by the names that `--from` has for them.
std::span<const std::string_view> foreign_kinds();

/// The kind called so, which is one of `foreign_kinds`.
foreign_kind kind_called(std::string_view name);

/// Told by the file's name, or by what it holds. Fails with `bad_arguments`, and for a program that
/// makes an ecosystem with what makes JSON of it.
result<foreign_kind> kind_of_file(const std::string& path, std::string_view text);

/// Bytes of a file: what is made of it has to be a configuration file.
inline constexpr std::size_t file_max = 1 << 20;

struct foreign_file {
  std::string path;    ///< as messages have it
  std::string folder;  ///< where it is, absolute
  std::string text;
  std::string environment{};  ///< of an ecosystem of pm2: `env_NAME` counts over `env`
  /// What another file, by its absolute path, holds; nothing where it cannot be read.
  std::function<std::optional<std::string>(const std::string& path)> look = [](const std::string&) {
    return std::nullopt;
  };
};

/// What has no counterpart, or another one than the key says.
struct lost {
  std::string file;
  std::size_t line = 0;
  std::string key;  ///< as the file has it
  std::string why;  ///< and what to do
};
/// "FILE:LINE: KEY: WHY".
std::string to_string(const lost& loss);

/// That one service starts behind another one: it holds if that is imported, too.
struct dependency {
  std::string service, on;
  const char* field;  ///< "after" or "requires"; nullptr where it is enough to be there
  lost otherwise;
};

struct imported {
  /// Specifications with those fields that the files tell of, "name" among them. Texts are to the
  /// letter, but for `variable` in them. "about", if there, is a text for people.
  std::vector<json> services{};
  std::vector<dependency> dependencies{};
  std::vector<lost> losses{};
};

/// Reads one file and adds what is in it. Fails with `bad_arguments`, FILE:LINE and the reason for
/// what is no such file.
result<void> import_file(foreign_kind kind, const foreign_file& file, imported& into);

/// What concerns all files together: names that are twice, dependencies, a last look at each
/// specification. Whoever would not be taken is a loss.
void settle(imported& all);

/// The services as sections of a configuration file.
std::string services_in_toml(const std::vector<json>& services);

}  // namespace sm::ctl
