// Help, the reference page, the man page: the rows as texts.
#pragma once

#include <string>

#include "rows.hpp"

namespace sm::ctl {

/// "smctl status [SERVICE...]".
std::string usage_of(const verb_row& row);

/// All verbs.
std::string help_text();
/// All about one.
std::string help_text(const verb_row& row);

/// docs/smctl.md.
std::string reference_page();

/// smctl(1), for man(7).
std::string man_page();

}  // namespace sm::ctl
