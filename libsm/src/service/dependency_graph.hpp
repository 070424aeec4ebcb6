// The order in which services start and, reversed, stop: `after` orders, `requires` orders and
// needs.
#pragma once

#include <map>
#include <set>
#include <sm/service_spec.hpp>
#include <string>
#include <vector>

namespace sm {

class dependency_graph {
 public:
  /// Puts `spec` in the place of an earlier one of the same name. Refuses a cycle with
  /// `invalid_spec` and the names along it ("a -> b -> a"); the graph is unchanged then.
  result<void> put(const service_spec& spec);
  void remove(const std::string& name);

  /// Services `name` starts after, those that exist. A missing one of `after` is no obstacle.
  std::vector<std::string> predecessors(const std::string& name) const;
  /// Services that start after `name`, and so stop before it.
  std::vector<std::string> successors(const std::string& name) const;
  /// The services `name` cannot run without, missing ones included.
  const std::set<std::string>& required(const std::string& name) const;
  /// The first of them that does not exist; "" when all do.
  std::string missing(const std::string& name) const;
  /// What is to be said of the names in `after` and `requires` that no service has: "requires the
  /// unknown service 'dbb'; did you mean 'db'?".
  std::vector<std::string> doubts(const std::string& name) const;

 private:
  struct node {
    std::set<std::string> before;    // all that start earlier: after + requires
    std::set<std::string> required;  // the subset that must be ready
  };

  std::vector<std::string> cycle_through(const std::string& name) const;

  void link(const std::string& name, const node& n);
  void unlink(const std::string& name, const node& n);

  std::map<std::string, node> nodes_;
  std::map<std::string, std::set<std::string>> after_;  // who starts after a name, known or not
};

}  // namespace sm
