// Times as RFC 3339 has them.
#pragma once

#include <chrono>
#include <string>

namespace sm {

/// "2026-01-31T12:00:00.000000Z".
std::string iso_time(std::chrono::system_clock::time_point when);
void append_iso_time(std::string& out, std::chrono::system_clock::time_point when);

}  // namespace sm
