// What must not be seen: passwords on the command line, which any user may read in /proc.
#pragma once

#include <sm/config.hpp>
#include <sm/error.hpp>
#include <string>
#include <vector>

namespace sm {

/// The arguments without the passwords of settings such as queue.url.
std::vector<std::string> without_passwords(std::vector<std::string> arguments);

/// Takes queue.url from the first line of queue.url_file, when that is set.
result<void> read_secret_files(config& c);

}  // namespace sm
