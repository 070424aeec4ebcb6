#include "manager/limit_watch.hpp"

#include "manager/instance.hpp"

namespace sm {

void limit_watch::start() {
  timer_.expires_after(std::chrono::seconds{2});
  timer_.async_wait([this](error_code ec) {
    if (ec) return;
    start();
    look();
  });
}

void limit_watch::look() {
  std::vector<pid_t> limited;
  known_.each_process([&](pid_t pid, const instance& i) {
    if (i.started_spec().memory_max > 0 || i.started_spec().tasks_max > 0) limited.push_back(pid);
  });
  if (limited.empty()) return;
  (void)reader_.post([this, limited] {
    loop_.defer([this, limited, usage = tree_usage(limited)] {
      for (std::size_t n = 0; n < limited.size(); ++n)
        if (auto i = known_.process(limited[n])) i->check_limits(usage[n].memory, usage[n].tasks);
    });
  });
}

}  // namespace sm
