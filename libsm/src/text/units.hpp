// Durations and sizes as people write them: "1500ms", "2s", "5m", "1h"; "64KiB", "16MiB", "1GiB".
#pragma once

#include <chrono>
#include <cstdint>
#include <sm/error.hpp>
#include <string>
#include <string_view>

namespace sm {

/// Reads a whole number with a unit (ms, s, m, h, d); a bare number means seconds, as curl has it.
result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest exact form: "1500ms", "2s", "5m".
std::string format_duration(std::chrono::milliseconds value);

/// Reads a whole number of bytes with an optional unit (B, KiB, MiB, GiB; K, M, G mean the same).
result<std::uint64_t> parse_size(std::string_view text);

}  // namespace sm
