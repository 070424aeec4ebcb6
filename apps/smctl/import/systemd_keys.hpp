// What the keys of a systemd unit become, as one table.
#pragma once

#include <map>
#include <span>
#include <utility>

#include "import/systemd_text.hpp"

namespace sm::ctl {

/// What has been read so far of a unit.
struct unit {
  unit_names names;
  json spec;
  std::vector<exec_line> before{}, lines{};
  std::map<std::string, std::string> variables{};
  std::vector<std::string> variable_files{};
  bool one_shot = false, forks = false;
  /// Units that it names, by the kind of relation.
  std::vector<std::pair<std::string_view, std::string>> others{};
};

/// What a value becomes; "" or why it does not. Specifiers are put in, but not in command lines.
using unit_taker = std::string (*)(unit& u, const std::string& value);

struct unit_key {
  std::string_view key;  ///< a glob
  unit_taker take = nullptr;
  std::string_view why{};  ///< without a taker: why it is lost; "" for what is so here anyway
};

/// The rows of "Unit", "Service" or "Install"; nothing for another section.
std::span<const unit_key> unit_keys(std::string_view section);

}  // namespace sm::ctl
