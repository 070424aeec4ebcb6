#include "api/metrics_route.hpp"

#include "queue/queue_metrics.hpp"

namespace sm {

void add_metrics_route(route_adder& at, queue_view& jobs, const tally_board& tallies) {
  at.bind("metrics.show", [&jobs, &tallies](request&) {
    promise<response> answer;
    jobs.ask<std::string>([](job_store& store) -> result<std::string> {
          auto counts = store.counts();
          if (!counts) return tl::unexpected<error>(counts.error());
          auto totals = store.totals();
          if (!totals) return tl::unexpected<error>(totals.error());
          return queue_metrics(*counts, *totals);
        })
        .then([answer, performed = tallies.sum().metrics()](const result<std::string>& stored) {
          // A store that is away is what a watcher wants to hear of.
          answer.set_value(
              {.body = queue_up_metric(stored.has_value()) + stored.value_or("") + performed +
                       "# EOF\n",
               .content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"});
        });
    return answer;
  });
}

}  // namespace sm
