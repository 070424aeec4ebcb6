// Where a reader of several log files has come to, as a text that it can come again with.
#pragma once

#include <filesystem>
#include <map>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/log_reader.hpp"

namespace sm {

/// By the files' names, without their folder.
using log_cursor = std::map<std::string, log_position, std::less<>>;

/// "web:0.log=INODE:OFFSET,web:1.log=INODE:OFFSET"; "" where that is more than a header of a
/// request should hold, 4 KiB.
std::string cursor_text(std::span<const std::filesystem::path> files,
                        std::span<const log_position> positions);

/// Fails with `bad_arguments` for what is none.
result<log_cursor> parse_log_cursor(std::string_view text);

}  // namespace sm
