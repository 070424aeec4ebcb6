#include "queue/redis/scripts.hpp"

#include "embedded/redis_scripts.hpp"
#include "queue/job_store.hpp"

namespace sm::redis_scripts {
namespace {

namespace lua = embedded::redis_scripts;

}  // namespace

const redis_script enqueue{reply_kind::texts, {lua::store_one_lua, lua::enqueue_lua}};
const redis_script exchange{
    reply_kind::array, {lua::hand_back_lua, lua::exchange_lua}, {"SUSPECT_FROM", suspect_from}};
const redis_script beat{reply_kind::number, {lua::beat_lua, {}}};
const redis_script renew{reply_kind::texts, {lua::renew_lua, {}}};
const redis_script give_back{
    reply_kind::array, {lua::hand_back_lua, lua::give_back_lua}, {"CRASHES_MAX", crashes_max}};
const redis_script bury{reply_kind::number, {lua::bury_lua, {}}};
const redis_script put_status{reply_kind::number, {lua::put_status_lua, {}}};
const redis_script move_due{reply_kind::text, {lua::move_due_lua, {}}};
const redis_script move_plugin{reply_kind::number, {lua::move_plugin_lua, {}}};
const redis_script fire{reply_kind::number, {lua::store_one_lua, lua::fire_lua}};
const redis_script range{reply_kind::texts, {lua::range_lua, {}}};
const redis_script act_on_dead{reply_kind::array, {lua::act_on_dead_lua, {}}};
const redis_script clear_dead{reply_kind::number, {lua::clear_dead_lua, {}}};
const redis_script remove{reply_kind::number, {lua::remove_lua, {}}};
const redis_script remove_queue{reply_kind::number, {lua::remove_queue_lua, {}}};
const redis_script release_lock{reply_kind::number, {lua::release_lock_lua, {}}};

}  // namespace sm::redis_scripts
