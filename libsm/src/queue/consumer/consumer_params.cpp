#include "queue/consumer/consumer_params.hpp"

#include <algorithm>

#include "http/body_fields.hpp"
#include "queue/queue_order.hpp"

namespace sm {

result<consumer_params> read_consumer_params(const json& document) {
  const std::string where = "/params";
  auto wrong = [&](std::string why, const char* key) {
    return fail(errc::invalid_spec, std::move(why), where + "/" + key);
  };
  consumer_params p;
  try {
    refuse_unknown(document,
                   {"queues", "concurrency", "isolate", "min", "max", "latency", "cool_down"},
                   where);
    p.queues = field(document, "queues", p.queues, where);
    p.concurrency = field(document, "concurrency", p.concurrency, where);
    p.isolate = field(document, "isolate", p.isolate, where);
    p.min = field(document, "min", p.min, where);
    p.max = field(document, "max", p.max, where);
    p.latency = duration_field(document, "latency", p.latency, where);
    p.cool_down = duration_field(document, "cool_down", p.cool_down, where);
  } catch (const failure& e) {
    return fail(errc::invalid_spec, e.reason().detail, e.reason().where);
  }
  for (auto& queue : p.queues)
    if (auto why = check_queue_pattern(queue); !why.empty()) return wrong(why, "queues");
  if (std::all_of(p.queues.begin(), p.queues.end(), [](auto& q) { return q.starts_with('!'); }))
    return wrong("a consumer needs a queue", "queues");
  if (p.concurrency < 1 || p.concurrency > 1000)
    return wrong("must be from 1 to 1000", "concurrency");
  if (p.max > 1000) return wrong("must be from 0 to 1000", "max");
  if (p.max > 0 && p.min > p.max) return wrong("must not be over max", "min");
  if (p.latency.count() == 0) return wrong("must be over 0", "latency");
  return p;
}

}  // namespace sm
