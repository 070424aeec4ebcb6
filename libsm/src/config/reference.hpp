// What can be configured, in Markdown, out of the rows by which it is read.
#pragma once

#include <string>

namespace sm {

/// The keys of a configuration file.
std::string configuration_in_markdown();

/// The fields of a specification: those of every service, or those of programs alone.
std::string specification_in_markdown(bool of_programs);

}  // namespace sm
