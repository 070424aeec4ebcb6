// Files of other managers, and files of variables. The first byte chooses which.
#include "config/configuration.hpp"
#include "fuzz.hpp"
#include "import/import.hpp"
#include "process/env_file.hpp"

SM_FUZZ_TARGET(foreign_files) {
  using namespace sm;
  using sm::fuzz::must;
  auto kinds = ctl::foreign_kinds();
  auto which = fuzz::take_byte(input) % (kinds.size() + 1);
  if (which == kinds.size()) {
    (void)parse_env_file(input, "f");
    return;
  }
  ctl::imported all;
  ctl::foreign_file file{"web.service", "/srv", std::string(input), "production", {}};
  file.look = [](const std::string&) { return std::optional<std::string>("A='1'\n"); };
  if (!ctl::import_file(ctl::kind_called(kinds[which]), file, all)) return;
  ctl::settle(all);
  for (auto& loss : all.losses) must(!loss.why.empty(), "a loss says why");
  auto toml = ctl::services_in_toml(all.services);
  config_surroundings around{
      .read = [&](const std::filesystem::path&) { return result<std::string>(toml); },
      .list = [](const std::filesystem::path&) -> result<std::vector<std::filesystem::path>> {
        return fail(errc::not_found, "");
      },
      .variable = [](const std::string&) { return std::optional<std::string>("/x"); },
      .cores = 2};
  if (toml.size() > config_size_max) return;
  auto read = read_configuration("smd.toml", around, {});
  if (!read.mistakes.empty()) std::fputs((toml + describe(read.mistakes)).c_str(), stderr);
  must(read.mistakes.empty(), "what import makes is a configuration");
}
