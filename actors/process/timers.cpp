#include "process/timers.hpp"

#include <sm/guarded.hpp>

#include "link/messages.hpp"

namespace sm {

using clock = std::chrono::steady_clock;

void timers::add(std::chrono::milliseconds delay, bool repeats, std::function<void()> f) {
  auto id = next_id_++;
  timers_[id] = {delay, repeats, clock::now() + delay, std::move(f)};
  tell_after(self_, delay, wire::timer_tick{id});
}

void timers::on_tick(std::uint64_t id, const std::string& whose) {
  auto entry = timers_.find(id);
  if (entry == timers_.end()) return;
  auto run = entry->second.run;
  if (entry->second.repeats) {
    // By the clock, so that it does not drift; after a stall it goes on from now.
    auto& t = entry->second;
    t.due = std::max(t.due + t.period, clock::now());
    tell_after(self_, std::chrono::ceil<std::chrono::milliseconds>(t.due - clock::now()),
               wire::timer_tick{id});
  } else {
    timers_.erase(entry);
  }
  (void)guarded("a timer of " + whose, run);
}

}  // namespace sm
