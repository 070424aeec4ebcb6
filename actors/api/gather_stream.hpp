// A gather whose answers are told as they come, as server-sent events: "targets" with all names,
// an "answer" for each, and "end". Runs in the loop.
#pragma once

#include <sm/http.hpp>

#include "manager/dispatch.hpp"

namespace sm {

promise<response> stream_gather(const dispatch& commands, const call& c);

}  // namespace sm
