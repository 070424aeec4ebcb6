// What the failure of one service means for the others of its group (OTP's supervisor strategies).
#pragma once

#include <functional>
#include <set>
#include <sm/service_spec.hpp>
#include <string>
#include <vector>

#include "service/restart_history.hpp"

namespace sm {

/// The members that are stopped and started again because `failed` was restarted; without it.
/// `successors` gives the services that start directly after one.
std::vector<std::string> affected_members(
    group_strategy strategy, const std::string& failed, const std::vector<std::string>& members,
    const std::function<std::vector<std::string>(const std::string&)>& successors);

/// Counts a restart of a member; true when there are too many within the window: the group fails.
bool exceeds_intensity(std::deque<time_point>& restarts, const intensity_policy& policy,
                       time_point now);

}  // namespace sm
