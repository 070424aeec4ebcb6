// Which queues a consumer serves, in which order: Resque's rules. Names by priority; "*" and globs
// (*, ?, [..], {a,b}) stand for the queues there are, alphabetically; "!name" or "!glob" leaves
// out.
#pragma once

#include <string>
#include <vector>

namespace sm {

/// `known` are the queues there are. A plain name is served whether it is known or not.
std::vector<std::string> queue_order(const std::vector<std::string>& patterns,
                                     const std::vector<std::string>& known);

/// Whether the order depends on which queues there are.
bool has_patterns(const std::vector<std::string>& patterns) noexcept;

/// "" or why the text is no pattern.
std::string check_queue_pattern(const std::string& pattern);

}  // namespace sm
