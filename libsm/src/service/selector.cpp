#include "service/selector.hpp"

#include <algorithm>

#include "text/glob.hpp"

namespace sm {

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
