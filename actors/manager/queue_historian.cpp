#include "manager/queue_historian.hpp"

#include <algorithm>

#include "queue/consumer/consumer_params.hpp"
#include "queue/unix_time.hpp"

namespace sm {

queue_historian::queue_historian(loop& l, const supervisor& services, queue_view& jobs,
                                 const tally_board& tallies)
    : loop_(l), services_(services), jobs_(jobs), tallies_(tallies), timer_(l.context()) {
  look_later();
}

void queue_historian::look_later() {
  timer_.expires_after(std::chrono::seconds(job_history::step_s));
  timer_.async_wait([this](error_code ec) {
    if (!ec) look();
  });
}

void queue_historian::look() {
  look_later();
  // A program that performs no jobs has no queue to be opened.
  if (!services_.any_of([](auto& wanted) { return wanted.spec.type == consumer_type; })) return;
  jobs_
      .ask<job_history::depth>([](job_store& store) -> result<job_history::depth> {
        auto counts = store.counts();
        if (!counts) return tl::unexpected<error>(counts.error());
        job_history::depth waiting;
        for (auto& c : *counts) {
          waiting.ready += c.ready;
          waiting.latency_s = std::max(waiting.latency_s, static_cast<double>(c.oldest_ms) / 1000);
        }
        return waiting;
      })
      .then([this](const result<job_history::depth>& waiting) {
        if (!waiting) return;  // a gap: what was performed meanwhile counts in the next step
        loop_.defer(
            [this, depth = *waiting] { history_.add(tallies_.sum().sum(), depth, unix_ms()); });
      });
}

}  // namespace sm
