// How many instances a request for "4", 4, "+1" or "-2" means.
#pragma once

#include <sm/json.hpp>

namespace sm {

/// A number, as number or text, or with a sign what comes to the `present` one, or goes from it:
/// not below 0. Fails with `bad_arguments` at "/instances" for what is none, and for more than
/// `max_instances`.
result<unsigned> scaled(const json& wanted, unsigned present);

}  // namespace sm
