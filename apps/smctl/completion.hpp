// Completion: what may follow, from the rows and from the running manager.
#pragma once

#include <functional>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rows.hpp"

namespace sm::ctl {

struct candidate {
  std::string word;
  std::string doc{};
};

/// Names of a kind, as the manager has them; `before` are the operands that stand already.
using name_source =
    std::function<std::vector<candidate>(names kind, std::span<const std::string> before)>;

/// What the last of `words` (behind the program's name, it may be "") can become. "FILES" alone
/// where the shell's own names of files fit.
std::vector<candidate> complete(std::span<const std::string> words, const name_source& source);

inline constexpr std::string_view files_fit = "FILES";

/// The script for "bash", "zsh" or "fish", which asks `smctl __complete`.
result<std::string> completion_script(std::string_view shell);

}  // namespace sm::ctl
