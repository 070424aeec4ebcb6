// What can be configured, for people, out of the rows by which it is read.
#pragma once

#include <string>

namespace sm {

/// The keys of a configuration file.
std::string configuration_in_markdown();
std::string configuration_in_roff();

/// The flags and signals of a program built on sm.
std::string program_in_markdown();

/// The fields of a specification: those of every service, or those of programs alone.
std::string specification_in_markdown(bool of_programs);

}  // namespace sm
