#include "service/group_strategy.hpp"

#include <algorithm>

namespace sm {

std::vector<std::string> affected_members(
    group_strategy strategy, const std::string& failed, const std::vector<std::string>& members,
    const std::function<std::vector<std::string>(const std::string&)>& successors) {
  std::vector<std::string> affected;
  if (strategy == group_strategy::one_for_one) return affected;
  std::set<std::string> later;
  std::function<void(const std::string&)> collect = [&](const std::string& name) {
    for (auto& next : successors(name))
      if (later.insert(next).second) collect(next);
  };
  if (strategy == group_strategy::rest_for_one) collect(failed);
  for (auto& member : members)
    if (member != failed && (strategy == group_strategy::one_for_all || later.contains(member)))
      affected.push_back(member);
  return affected;
}

bool exceeds_intensity(std::deque<time_point>& restarts, const intensity_policy& policy,
                       time_point now) {
  while (!restarts.empty() && now - restarts.front() >= policy.window) restarts.pop_front();
  restarts.push_back(now);
  return restarts.size() > policy.restarts;
}

}  // namespace sm
