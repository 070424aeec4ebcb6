// Patterns over names, as people write them in a shell.
#pragma once

#include <string_view>

namespace sm {

/// True when `text` matches `pattern`, in which `*` stands for any characters and `?` for one.
bool glob_match(std::string_view pattern, std::string_view text) noexcept;

}  // namespace sm
