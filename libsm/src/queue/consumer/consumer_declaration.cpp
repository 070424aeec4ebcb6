#include "queue/consumer/consumer_declaration.hpp"

#include "schema/queue_fields.hpp"
#include "service/selector.hpp"
#include "text/units.hpp"

namespace sm {

service_spec to_service(const consumer_spec& c) {
  service_spec spec;
  spec.name = "consumer." + c.name;
  spec.type = consumer_type;
  spec.params = {{"queues", c.queues}, {"concurrency", c.concurrency}};
  if (c.isolate) spec.params["isolate"] = true;
  if (c.max > 0) {
    spec.params["min"] = c.min;
    spec.params["max"] = c.max;
    spec.params["latency"] = format_duration(c.latency);
    spec.params["cool_down"] = format_duration(c.cool_down);
  }
  spec.instances = c.max > 0 ? c.min : c.instances;
  spec.group = builtin_group;
  // The first half belongs to the jobs in hand.
  spec.stop_timeout = 2 * c.drain;
  // A job that crashes its consumer does so three times at most; the consumer is not to blame.
  spec.intensity = {.restarts = 1000, .window = std::chrono::minutes(1)};
  spec.backoff.max = std::chrono::seconds(1);
  return spec;
}

json to_json(const consumer_spec& c) { return to_fields(c); }

result<consumer_spec> consumer_from_json(const json& document, consumer_spec base) {
  auto c = from_fields(document, std::move(base));
  if (!c) return c;
  if (auto ok = check_consumer(c->queues, c->min, c->max); !ok)
    return tl::unexpected<error>(ok.error());
  return c;
}

}  // namespace sm
