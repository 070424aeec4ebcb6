// The flags of every program built on sm, and the signals it heeds: for its command line, its
// manual and docs/configuration.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sm {

struct flag_row {
  std::string_view name;  ///< "--config"
  std::string_view meta;  ///< "FILE"; empty for a flag without a value
  std::string_view doc;
};
std::span<const flag_row> program_flags();
/// What the flag of this name does.
std::string flag_doc(std::string_view name);

struct signal_row {
  std::string_view names, doc;
};
std::span<const signal_row> program_signals();

}  // namespace sm
