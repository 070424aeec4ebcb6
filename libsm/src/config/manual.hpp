// The manual pages of the ready-made manager, for man(7).
#pragma once

#include <string>

namespace sm {

/// smd(1).
std::string smd_manual(const std::string& version);
/// smd.toml(5).
std::string configuration_manual(const std::string& version);

}  // namespace sm
