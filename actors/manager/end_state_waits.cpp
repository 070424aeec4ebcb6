#include "manager/end_state_waits.hpp"

#include <algorithm>

#include "text/units.hpp"

namespace sm {

void end_state_waits::add(const std::string& service, goal g, std::chrono::milliseconds timeout,
                          promise<json> done) {
  auto number = next_number_++;
  auto timer = std::make_unique<asio::steady_timer>(loop_.context(), timeout);
  timer->async_wait([this, number, timeout](error_code ec) {
    if (!ec) on_late(number, timeout);
  });
  waiting_.push_back({number, service, g, std::move(done), std::move(timer)});
}

/// By its number: a timer that has expired fires even if its waiter was answered meanwhile.
void end_state_waits::on_late(std::uint64_t number, std::chrono::milliseconds timeout) {
  auto late =
      std::find_if(waiting_.begin(), waiting_.end(), [&](auto& w) { return w.number == number; });
  if (late == waiting_.end()) return;
  auto done = late->done;
  auto service = late->service;
  waiting_.erase(late);
  done.set_error({errc::timeout, "not there within " + format_duration(timeout), service});
}

void end_state_waits::check(const std::string& service,
                            const std::optional<service_progress>& there,
                            const std::function<json()>& shown, const std::string& failure) {
  // Answered later: who is answered may ask for the next change at once, in the middle of this one.
  std::list<waiting> answered;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    auto next = std::next(entry);
    if (entry->service == service && reached(entry->end, there))
      answered.splice(answered.end(), waiting_, entry);
    entry = next;
  }
  if (answered.empty()) return;
  loop_.defer([answered = std::move(answered), document = shown(), failure]() mutable {
    for (auto& w : answered)
      if (failure.empty())
        w.done.set_value(document);
      else
        w.done.set_error({errc::conflict, failure, w.service});
  });
}

}  // namespace sm
