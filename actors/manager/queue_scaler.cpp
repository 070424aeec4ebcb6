#include "manager/queue_scaler.hpp"

#include <algorithm>

#include "queue/consumer/consumer_params.hpp"
#include "queue/queue_order.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto look_pause = 1s;

}  // namespace

queue_scaler::queue_scaler(loop& l, supervisor& services, queue_view& jobs, logger log)
    : services_(services), jobs_(jobs), log_(std::move(log)), loop_(l), timer_(l.context()) {
  look_later();
}

void queue_scaler::look_later() {
  timer_.expires_after(look_pause);
  timer_.async_wait([this](error_code ec) {
    if (!ec) look();
  });
}

void queue_scaler::look() {
  bool any = services_.any_of([](const desired_service& d) {
    if (d.spec.type != consumer_type) return false;
    auto params = read_consumer_params(d.spec.params);
    return params && params->max > 0;
  });
  if (!any) return look_later();
  jobs_
      .ask<std::vector<queue_counts>>([](job_store& store) -> result<std::vector<queue_counts>> {
        auto totals = store.totals();
        if (!totals) return tl::unexpected<error>(totals.error());
        auto counts = store.counts();
        if (counts && totals->paused)
          for (auto& c : *counts) c.paused = true;
        return counts;
      })
      .then([this](result<std::vector<queue_counts>> counts) {
        loop_.defer([this, counts = std::move(counts)] {
          if (counts) scale(*counts);
          look_later();
        });
      });
}

void queue_scaler::scale(const std::vector<queue_counts>& counts) {
  std::vector<std::string> known;
  for (auto& c : counts) known.push_back(c.queue);
  std::vector<std::pair<std::string, unsigned>> changes;
  services_.any_of([&](const desired_service& d) {
    if (d.spec.type != consumer_type || !d.enabled) return false;
    auto params = read_consumer_params(d.spec.params);
    if (!params || params->max == 0) return false;
    auto served = queue_order(params->queues, known);
    milliseconds oldest{0};
    std::uint64_t running = 0;
    for (auto& c : counts) {
      if (std::find(served.begin(), served.end(), c.queue) == served.end()) continue;
      running += c.running;
      if (c.paused) continue;
      // More processes than there are do not help a queue that waits for its limits.
      milliseconds age{c.oldest_ms};
      oldest = std::max(oldest, c.at_limit ? std::min(age, params->latency) : age);
    }
    autoscale_policy policy{.min = params->min,
                            .max = params->max,
                            .latency = params->latency,
                            .cool_down = params->cool_down};
    auto wanted = autoscale(policy, states_[d.spec.name], d.spec.instances, oldest, running,
                            std::chrono::steady_clock::now());
    if (wanted != d.spec.instances) {
      log_.info("{} scales from {} to {}: the oldest job waits for {}", d.spec.name,
                d.spec.instances, wanted, format_duration(oldest));
      changes.emplace_back(d.spec.name, wanted);
    }
    return false;
  });
  for (auto& [name, wanted] : changes) services_.change_service(scale_service{name, wanted});
}

}  // namespace sm
