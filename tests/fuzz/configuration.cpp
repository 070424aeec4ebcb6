// A configuration file: whatever it holds, each mistake has a place within it, and what has none is
// read as a whole.
#include "config/configuration.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(configuration) {
  using sm::fuzz::must;
  sm::config_surroundings around{
      .read = [&](const std::filesystem::path& file) -> sm::result<std::string> {
        if (file == "f") return std::string(input);
        return std::string("[service.included]\ncommand = ['x']\n");
      },
      .list = [](const std::filesystem::path& folder)
          -> sm::result<std::vector<std::filesystem::path>> {
        return std::vector{folder / "g.toml"};
      },
      .variable = [](const std::string& name) -> std::optional<std::string> {
        if (name.size() % 2 == 0) return std::nullopt;
        return name;
      },
      .cores = 2};
  auto read = sm::read_configuration("f", around, {});
  for (auto& m : read.mistakes) {
    must(!m.where.file.empty(), "a mistake names its file");
    must(!m.detail.empty(), "a mistake says what is wrong");
  }
  if (!read.mistakes.empty()) return;
  for (auto& spec : read.wanted.services) must(sm::validate(spec).has_value(), "a service is good");
  sm::config c;
  for (auto& [key, value] : read.settings)
    must(sm::set_config_value(c, key, value).has_value(), "a setting is good");
}
