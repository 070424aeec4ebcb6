#include "service/dependency_graph.hpp"

#include <functional>

#include "text/texts.hpp"

namespace sm {

result<void> dependency_graph::put(const service_spec& spec) {
  auto old = nodes_.extract(spec.name);
  if (!old.empty()) unlink(spec.name, old.mapped());
  node fresh;
  fresh.before.insert(spec.after.begin(), spec.after.end());
  fresh.before.insert(spec.requires_.begin(), spec.requires_.end());
  fresh.required.insert(spec.requires_.begin(), spec.requires_.end());
  link(spec.name, fresh);
  nodes_[spec.name] = std::move(fresh);

  auto path = cycle_through(spec.name);
  if (path.empty()) return {};
  remove(spec.name);
  if (!old.empty()) {
    link(spec.name, old.mapped());
    nodes_.insert(std::move(old));
  }
  std::string text;
  for (auto& name : path) text += text.empty() ? name : " -> " + name;
  return fail(errc::invalid_spec, "these services wait for each other: " + text,
              spec.requires_.empty() ? "/after" : "/requires");
}

void dependency_graph::remove(const std::string& name) {
  auto entry = nodes_.find(name);
  if (entry == nodes_.end()) return;
  unlink(name, entry->second);
  nodes_.erase(entry);
}

void dependency_graph::link(const std::string& name, const node& n) {
  for (auto& other : n.before) after_[other].insert(name);
}

void dependency_graph::unlink(const std::string& name, const node& n) {
  for (auto& other : n.before) {
    auto entry = after_.find(other);
    entry->second.erase(name);
    if (entry->second.empty()) after_.erase(entry);
  }
}

std::vector<std::string> dependency_graph::predecessors(const std::string& name) const {
  std::vector<std::string> found;
  if (auto entry = nodes_.find(name); entry != nodes_.end())
    for (auto& other : entry->second.before)
      if (nodes_.contains(other)) found.push_back(other);
  return found;
}

std::vector<std::string> dependency_graph::successors(const std::string& name) const {
  auto entry = after_.find(name);
  if (entry == after_.end()) return {};
  return {entry->second.begin(), entry->second.end()};
}

const std::set<std::string>& dependency_graph::required(const std::string& name) const {
  static const std::set<std::string> none;
  auto entry = nodes_.find(name);
  return entry == nodes_.end() ? none : entry->second.required;
}

std::string dependency_graph::missing(const std::string& name) const {
  for (auto& other : required(name))
    if (!nodes_.contains(other)) return other;
  return {};
}

std::vector<std::string> dependency_graph::doubts(const std::string& name) const {
  std::vector<std::string> all;
  auto entry = nodes_.find(name);
  if (entry == nodes_.end()) return all;
  for (auto& other : entry->second.before) {
    if (nodes_.contains(other)) continue;
    std::vector<std::string_view> known;
    for (auto& [each, unused] : nodes_)
      if (each != name) known.push_back(each);
    auto meant = nearest(other, known);
    all.push_back((entry->second.required.contains(other) ? "requires" : "starts after") +
                  std::string(" the unknown service '") + other + "'" +
                  (meant.empty() ? "" : "; did you mean '" + std::string(meant) + "'?"));
  }
  return all;
}

std::vector<std::string> dependency_graph::cycle_through(const std::string& name) const {
  std::vector<std::string> path{name};
  std::set<std::string> seen;
  std::function<bool(const std::string&)> reaches = [&](const std::string& from) {
    auto entry = nodes_.find(from);
    if (entry == nodes_.end()) return false;
    for (auto& next : entry->second.before) {
      path.push_back(next);
      if (next == name) return true;
      if (seen.insert(next).second && reaches(next)) return true;
      path.pop_back();
    }
    return false;
  };
  if (!reaches(name)) path.clear();
  return path;
}

}  // namespace sm
