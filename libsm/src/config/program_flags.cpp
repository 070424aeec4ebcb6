#include "config/program_flags.hpp"

#include <algorithm>

namespace sm {
namespace {

constexpr flag_row flags[] = {
    {"--config", "FILE", "configuration file [$SM_CONFIG], see docs/configuration.md"},
    {"--check", "",
     "look at the configuration, print all mistakes, and end: 0, or 78 for mistakes"},
    {"--listen", "ADDRESS", "HTTP address, port 0 takes a free one [127.0.0.1:9501]"},
    {"--state", "FOLDER", "state folder, of mode 0700 [see docs/files.md]"},
    {"--log-level", "LEVEL", "debug, info, warn or error [info]"},
    {"--set", "KEY=VALUE", "a setting, for example http.body_max=4MiB; repeatable"},
    {"--list-settings", "", "print every key with its default, and end"},
    {"--version", "", "print the version, and end"},
    {"--help", "", "print this, and end"}};

constexpr signal_row signals[] = {
    {"TERM, INT", "stops all services in order, then the manager; a second one kills what is left"},
    {"HUP", "reads the configuration file again and carries it out"},
    {"USR2",
     "ends the manager alone: its services go on, and the next one adopts them. Where "
     "manager.orphan_grace is 0, as TERM"}};

}  // namespace

std::span<const flag_row> program_flags() { return flags; }

std::string flag_doc(std::string_view name) {
  auto* found = std::find_if(std::begin(flags), std::end(flags),
                             [&](const flag_row& row) { return row.name == name; });
  return found == std::end(flags) ? std::string() : std::string(found->doc);
}

std::span<const signal_row> program_signals() { return signals; }

}  // namespace sm
