#include "process/process_tree.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <unordered_map>
#include <vector>

#include "process/proc_stat.hpp"

namespace sm {
namespace {

/// Who is whose child, at one moment.
class family {
 public:
  family() : all_(list_processes()) {
    for (auto& p : all_) children_[p.parent].push_back(&p);
  }

  const std::vector<const proc_stat*>& children(pid_t parent) const {
    static const std::vector<const proc_stat*> none;
    auto entry = children_.find(parent);
    return entry == children_.end() ? none : entry->second;
  }

  template <class F>
  void each_descendant(pid_t root, F f) const {
    for (auto* child : children(root)) {
      f(*child);
      each_descendant(child->pid, f);
    }
  }

  const proc_stat* find(pid_t pid) const {
    for (auto& p : all_)
      if (p.pid == pid) return &p;
    return nullptr;
  }

 private:
  std::vector<proc_stat> all_;
  std::unordered_map<pid_t, std::vector<const proc_stat*>> children_;
};

}  // namespace

std::vector<pid_t> end_unknown_children(pid_t own_session,
                                        const std::function<bool(pid_t)>& known) {
  family now;
  std::vector<pid_t> killed;
  auto kill = [&](const proc_stat& p) {
    if (p.state != 'Z' && ::kill(p.pid, SIGKILL) == 0) killed.push_back(p.pid);
  };
  for (auto* child : now.children(::getpid())) {
    if (child->session == own_session || known(child->pid)) continue;
    if (child->state == 'Z') {
      ::waitpid(child->pid, nullptr, WNOHANG);
    } else {
      kill(*child);
      now.each_descendant(child->pid, kill);
    }
  }
  return killed;
}

std::vector<pid_t> ended_children() {
  family now;
  std::vector<pid_t> ended;
  for (auto* child : now.children(::getpid()))
    if (child->state == 'Z') ended.push_back(child->pid);
  return ended;
}

bool signal_group(pid_t leader, int number) noexcept {
  return leader > 1 && ::kill(-leader, number) == 0;
}

std::vector<pid_t> descendants_of(pid_t root) {
  family now;
  std::vector<pid_t> all;
  now.each_descendant(root, [&](const proc_stat& p) {
    if (p.state != 'Z') all.push_back(p.pid);
  });
  return all;
}

bool descends_from(pid_t pid, pid_t ancestor) {
  // A parent that ends on the way has handed its children over: begin again.
  for (int attempt = 0; attempt < 8; ++attempt) {
    auto s = read_proc_stat(pid);
    if (!s) return false;
    while (s && s->parent != ancestor && s->parent > 1) s = read_proc_stat(s->parent);
    if (s) return s->parent == ancestor;
  }
  return false;
}

std::vector<usage_of_tree> tree_usage(const std::vector<pid_t>& roots) {
  family now;
  std::vector<usage_of_tree> all;
  for (auto root : roots) {
    usage_of_tree usage;
    auto add = [&](const proc_stat& p) {
      usage.memory += p.memory_bytes;
      usage.tasks += p.threads;
    };
    if (auto* top = now.find(root)) add(*top);
    now.each_descendant(root, add);
    all.push_back(usage);
  }
  return all;
}

}  // namespace sm
