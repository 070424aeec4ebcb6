#include "service/desired_state.hpp"

#include <algorithm>

namespace sm {

std::vector<desired_service> merge_declared(const std::vector<desired_service>& stored,
                                            const std::vector<service_spec>& declared) {
  std::vector<desired_service> merged;
  for (auto& spec : declared) {
    auto form = to_json(spec);
    auto row = std::find_if(stored.begin(), stored.end(),
                            [&](auto& s) { return s.spec.name == spec.name; });
    if (row != stored.end() && row->declared == form)
      merged.push_back(*row);
    else
      merged.push_back({spec, form, row == stored.end() || row->enabled, false});
  }
  for (auto& row : stored) {
    bool known = std::any_of(merged.begin(), merged.end(),
                             [&](auto& m) { return m.spec.name == row.spec.name; });
    if (row.declared.is_null() && !known) merged.push_back(row);
  }
  return merged;
}

}  // namespace sm
