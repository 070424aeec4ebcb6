// The queue's settings as one process hands them to another.
#pragma once

#include <sm/config.hpp>
#include <sm/json.hpp>

namespace sm {

inline void to_json(json& j, const queue_config& c) {
  j = {{"url", c.url},
       {"sync", c.sync},
       {"payload_max", c.payload_max},
       {"lease", c.lease.count()},
       {"enqueue_timeout", c.enqueue_timeout.count()},
       {"cancel_grace", c.cancel_grace.count()},
       {"id_window", c.id_window.count()},
       {"dead_max", c.dead_max},
       {"dead_age", c.dead_age.count()},
       {"replicas", c.replicas},
       {"scheduler_lock_prefix", c.scheduler_lock_prefix}};
}

inline void from_json(const json& j, queue_config& c) {
  auto duration = [&](const char* key) {
    return std::chrono::milliseconds(j.at(key).get<std::int64_t>());
  };
  c.url = j.at("url");
  c.sync = j.at("sync");
  c.payload_max = j.at("payload_max");
  c.lease = duration("lease");
  c.enqueue_timeout = duration("enqueue_timeout");
  c.cancel_grace = duration("cancel_grace");
  c.id_window = duration("id_window");
  c.dead_max = j.at("dead_max");
  c.dead_age = duration("dead_age");
  c.replicas = j.at("replicas");
  c.scheduler_lock_prefix = j.at("scheduler_lock_prefix");
}

}  // namespace sm
