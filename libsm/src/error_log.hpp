// Where the errors go that `guarded` and `log_error` write.
#pragma once

#include <functional>
#include <sm/error.hpp>
#include <string_view>

namespace sm {

/// Called from any thread; what it throws is dropped.
using error_log = std::function<void(std::string_view where, const error& e)>;

/// From now on it takes them; stderr does until there is one.
void set_error_log(error_log log);

}  // namespace sm
