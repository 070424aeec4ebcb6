// The keys of a configuration file, in Markdown, out of the rows and documents that their readers
// use.
#pragma once

#include <string>

namespace sm {

std::string configuration_in_markdown();

}  // namespace sm
