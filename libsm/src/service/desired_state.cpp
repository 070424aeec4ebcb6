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

namespace {

/// A declaration of an earlier version of sm may lack fields that have their defaults.
bool declares(const json& stored, const service_spec& spec) {
  if (stored.is_null()) return false;
  if (stored == to_json(spec)) return true;
  auto read = spec_from_json(stored);
  return read && *read == spec;
}

}  // namespace

desired_service follow(const desired_service* present, const declared_service& declared,
                       bool overwrite) {
  auto form = to_json(declared.spec);
  bool holds = present && !overwrite && declares(present->declared, declared.spec);
  if (!holds)
    return {.spec = declared.spec,
            .declared = std::move(form),
            .enabled = present ? present->enabled : declared.spec.autostart,
            .removed = false,
            .origin = declared.origin};
  auto wanted = *present;
  wanted.declared = std::move(form);
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
    if (row.declared.is_null() && !known) merged.push_back(row);
  }
  return merged;
}

}  // namespace sm
