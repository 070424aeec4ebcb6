#include "queue/consumer/consumer_params.hpp"

#include <algorithm>

#include "queue/queue_order.hpp"
#include "schema/queue_fields.hpp"

namespace sm {

field_rows fields_of(const consumer_params*) { return consumer_rows<consumer_params>; }

result<void> check_consumer(const std::vector<std::string>& queues, unsigned min, unsigned max) {
  auto wrong = [](std::string why, const char* where) {
    return fail(errc::invalid_spec, std::move(why), where);
  };
  for (auto& queue : queues)
    if (auto why = check_queue_pattern(queue); !why.empty()) return wrong(why, "/queues");
  if (std::all_of(queues.begin(), queues.end(), [](auto& q) { return q.starts_with('!'); }))
    return wrong("a consumer needs a queue", "/queues");
  if (max > 0 && min > max) return wrong("must not be over max", "/min");
  return {};
}

result<consumer_params> read_consumer_params(const json& document) {
  auto p = from_fields<consumer_params>(document);
  auto ok = p ? check_consumer(p->queues, p->min, p->max)
              : result<void>(tl::unexpected<error>(p.error()));
  if (!ok) return fail(errc::invalid_spec, ok.error().detail, "/params" + ok.error().where);
  return p;
}

}  // namespace sm
