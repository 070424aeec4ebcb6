// Times and sizes in as few letters as people need.
#pragma once

#include <cstdint>
#include <string>

namespace sm {

/// "45s", "12m03s", "3h05m", "2d04h".
std::string short_time(std::int64_t seconds);
/// "512K", "45.2M", "1.3G".
std::string short_size(double bytes);

}  // namespace sm
