#include "queue/consumer/consumer_declaration.hpp"

#include <algorithm>

#include "http/body_fields.hpp"
#include "service/selector.hpp"

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

json to_json(const consumer_spec& c) {
  return {{"queues", c.queues},
          {"instances", c.instances},
          {"concurrency", c.concurrency},
          {"isolate", c.isolate},
          {"drain", format_duration(c.drain)},
          {"min", c.min},
          {"max", c.max},
          {"latency", format_duration(c.latency)},
          {"cool_down", format_duration(c.cool_down)}};
}

result<consumer_spec> consumer_from_json(const json& document, consumer_spec base) {
  auto form = to_json(base);
  std::vector<std::string_view> known;
  for (auto& entry : form.items()) known.push_back(entry.key());
  try {
    refuse_unknown(document, known);
    base.instances = field(document, "instances", base.instances);
    if (base.instances > max_instances)
      return fail(errc::invalid_spec, "must be at most " + std::to_string(max_instances),
                  "/instances");
    base.drain = duration_field(document, "drain", base.drain);
    if (base.drain.count() < 1) return fail(errc::invalid_spec, "must be at least 1ms", "/drain");
  } catch (const failure& e) {
    return fail(errc::invalid_spec, e.reason().detail, e.reason().where);
  }
  form.update(document);
  form.erase("instances");
  form.erase("drain");
  auto params = read_consumer_params(form);
  if (!params)
    return fail(errc::invalid_spec, params.error().detail,
                params.error().where.substr(std::string_view("/params").size()));
  base.queues = std::move(params->queues);
  base.concurrency = params->concurrency;
  base.isolate = params->isolate;
  base.min = params->min;
  base.max = params->max;
  base.latency = params->latency;
  base.cool_down = params->cool_down;
  return base;
}

}  // namespace sm
