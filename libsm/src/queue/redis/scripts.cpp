#include "queue/redis/scripts.hpp"

#include <initializer_list>
#include <string_view>

#include "embedded/redis_scripts.hpp"
#include "queue/job_store.hpp"

namespace sm::redis_scripts {
namespace {

namespace lua = embedded::redis_scripts;

/// What all scripts begin with, and these parts.
std::string with_prelude(std::initializer_list<std::string_view> parts) {
  std::string text(lua::prelude_lua);
  for (auto part : parts) text += part;
  return text;
}

std::string constant(const char* name, unsigned value) {
  return "local " + std::string(name) + " = " + std::to_string(value) + "\n";
}

}  // namespace

const redis_script enqueue{reply_kind::texts, with_prelude({lua::store_one_lua, lua::enqueue_lua})};
const redis_script exchange{
    reply_kind::array,
    with_prelude({lua::hand_back_lua, constant("SUSPECT_FROM", suspect_from), lua::exchange_lua})};
const redis_script beat{reply_kind::number, with_prelude({lua::beat_lua})};
const redis_script renew{reply_kind::texts, with_prelude({lua::renew_lua})};
const redis_script give_back{
    reply_kind::array,
    with_prelude({lua::hand_back_lua, constant("CRASHES_MAX", crashes_max), lua::give_back_lua})};
const redis_script bury{reply_kind::number, with_prelude({lua::bury_lua})};
const redis_script put_status{reply_kind::number, with_prelude({lua::put_status_lua})};
const redis_script move_due{reply_kind::text, with_prelude({lua::move_due_lua})};
const redis_script move_plugin{reply_kind::number, with_prelude({lua::move_plugin_lua})};
const redis_script fire{reply_kind::number, with_prelude({lua::store_one_lua, lua::fire_lua})};
const redis_script range{reply_kind::texts, with_prelude({lua::range_lua})};
const redis_script act_on_dead{reply_kind::array, with_prelude({lua::act_on_dead_lua})};
const redis_script clear_dead{reply_kind::number, with_prelude({lua::clear_dead_lua})};
const redis_script remove{reply_kind::number, with_prelude({lua::remove_lua})};
const redis_script remove_queue{reply_kind::number, with_prelude({lua::remove_queue_lua})};
const redis_script release_lock{reply_kind::number, with_prelude({lua::release_lock_lua})};

}  // namespace sm::redis_scripts
