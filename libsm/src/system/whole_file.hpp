// A regular file's content, in one piece.
#pragma once

#include <filesystem>
#include <sm/error.hpp>
#include <string>

namespace sm {

/// Up to `max` bytes of `file`, and one more when it has more. Folders, pipes and devices are
/// refused. Fails with `unavailable` and the system's reason, `not_found` where there is none.
result<std::string> read_whole_file(const std::filesystem::path& file, std::size_t max);

}  // namespace sm
