#include "service/selector.hpp"

#include <algorithm>

namespace sm {

bool glob_match(std::string_view pattern, std::string_view text) noexcept {
  // Iterative with one point of return: linear in practice, never exponential.
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool selects(std::string_view selector, const service_spec& spec) noexcept {
  for (;;) {
    auto comma = selector.find(',');
    auto one = selector.substr(0, comma);
    bool hit = false;
    if (one == "*") {
      hit = spec.group != builtin_group;
    } else if (one.starts_with("group:")) {
      hit = !spec.group.empty() && spec.group == one.substr(6);
    } else if (one.starts_with("tag:")) {
      hit = std::find(spec.tags.begin(), spec.tags.end(), one.substr(4)) != spec.tags.end();
    } else {
      hit = glob_match(one, spec.name);
    }
    if (hit) return true;
    if (comma == selector.npos) return false;
    selector.remove_prefix(comma + 1);
  }
}

}  // namespace sm
