#include "service/desired_state.hpp"

#include <algorithm>

namespace sm {

std::string_view to_string(service_origin origin) noexcept {
  switch (origin) {
    case service_origin::code:
      return "code";
    case service_origin::file:
      return "file";
    case service_origin::hand:
      return "hand";
  }
  return "hand";
}

desired_service follow(const desired_service* present, const declared_service& declared,
                       bool overwrite) {
  bool holds = present && !overwrite && present->declared && *present->declared == declared.spec;
  if (!holds)
    return {.spec = declared.spec,
            .declared = std::make_shared<const service_spec>(declared.spec),
            .enabled = present ? present->enabled : declared.spec.autostart,
            .removed = false,
            .origin = declared.origin};
  auto wanted = *present;
  wanted.origin = declared.origin;
  return wanted;
}

std::vector<desired_service> merge_declared(const std::vector<desired_service>& stored,
                                            const std::vector<declared_service>& declared) {
  std::vector<desired_service> merged;
  for (auto& d : declared) {
    auto row = std::find_if(stored.begin(), stored.end(),
                            [&](auto& s) { return s.spec.name == d.spec.name; });
    merged.push_back(follow(row == stored.end() ? nullptr : &*row, d));
  }
  for (auto& row : stored) {
    bool known = std::any_of(merged.begin(), merged.end(),
                             [&](auto& m) { return m.spec.name == row.spec.name; });
    if (!row.declared && !known) merged.push_back(row);
  }
  return merged;
}

}  // namespace sm
