// What of a service is worth a word.
#pragma once

#include <sm/json.hpp>
#include <string>

namespace sm {

/// Of a service or an instance as /v1 shows it: why it does not run, what it waits for, what it
/// says; "" for nothing.
std::string note_of(const json& shown);

}  // namespace sm
