// The queue's settings as one process hands them to another: durations as numbers, for the other
// may be of an earlier version. What it does not know keeps its default.
#pragma once

#include <sm/config.hpp>
#include <sm/json.hpp>

namespace sm {

void to_json(json& j, const queue_config& c);
void from_json(const json& j, queue_config& c);

}  // namespace sm
