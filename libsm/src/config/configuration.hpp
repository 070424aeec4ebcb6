// What a configuration file declares, read by the readers that everything else is read by. Bad
// files are reported as a whole: each mistake with its place.
#pragma once

#include <filesystem>
#include <map>
#include <sm/config.hpp>
#include <sm/server.hpp>
#include <sm/service_spec.hpp>
#include <string>
#include <vector>

#include "config/config_file.hpp"

namespace sm {

/// The exit code for a configuration that cannot be used: EX_CONFIG of sysexits.h.
inline constexpr int exit_bad_config = 78;

/// What a program declares: in its code, in its file, or in both.
struct declarations {
  std::vector<service_spec> services{};
  std::vector<consumer_spec> consumers{};
  std::vector<schedule_spec> schedules{};
  std::map<std::string, queue_limits> limits{};
  std::vector<group_spec> groups{};
};

struct configuration {
  /// The keys of [manager], [http], [link], [queue] and [log] as `set_config_value` takes them.
  std::vector<std::pair<std::string, std::string>> settings{};
  /// The code's with the file's over them: a section of a service that the code declares changes
  /// those of its fields that it names.
  declarations wanted{};
  std::vector<std::string> services_of_file{};  ///< those that have a section
  bool queue_section = false;
  placed_json source{};
  std::vector<config_mistake> mistakes{};  ///< by their places

  /// Adds one about the thing at `pointer` ("/service/web/type").
  void refuse(const std::string& pointer, std::string why);
  /// Puts them into the order of their places.
  void sort_mistakes();
};

/// Reads `file` over what the code declares.
configuration read_configuration(const std::filesystem::path& file,
                                 const config_surroundings& around, const declarations& code);

/// "error: ..." lines, one of each mistake.
std::string describe(const std::vector<config_mistake>& mistakes);

}  // namespace sm
