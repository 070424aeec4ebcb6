// Groups of services that stop, start and fail together (OTP's supervisor strategies). Runs in the
// loop alone.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "manager/managed_service.hpp"
#include "service/dependency_graph.hpp"
#include "service/group_strategy.hpp"

namespace sm {

class groups {
 public:
  /// `touch` has the service of a name looked at again.
  groups(supervision& s, const service_table& services, const dependency_graph& order,
         const std::vector<group_spec>& specs, std::function<void(const std::string& name)> touch)
      : s_(s), services_(services), order_(order), touch_(std::move(touch)) {
    set(specs);
  }

  std::vector<group_spec> specs() const;
  /// What is counted of a group that stays goes on.
  void set(const std::vector<group_spec>& specs);

  /// `i` was restarted by its policy: the others that its group's strategy says are stopped, to be
  /// started together, or all fail when that came too often.
  void on_restarted(const managed_service& m, const instance& i);
  /// `i` is FATAL: its group is.
  void on_fatal(const managed_service& m, const instance& i);

  /// The member that has to stop before any of the group starts; null when none.
  const instance* stopping_member(const std::string& group) const;

 private:
  struct state {
    group_spec spec;
    std::deque<time_point> restarts{};
  };
  void fail(state& g, const std::string& why);

  supervision& s_;
  const service_table& services_;
  const dependency_graph& order_;
  const std::function<void(const std::string& name)> touch_;
  std::map<std::string, state, std::less<>> groups_;
};

}  // namespace sm
