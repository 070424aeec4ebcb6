// Verbs that are one operation each.
#pragma once

#include "table.hpp"
#include "verbs.hpp"

namespace sm::ctl {

/// The operation's captures are the operands in their order; `done` is what is said of the first
/// one when it is. With a `question` it asks before: "Remove the schedule".
verb_handler one_call(std::string_view operation, std::vector<std::string_view> captures,
                      std::string_view done, const char* question = nullptr);

/// A listing, as a table or as it is; `of` names its list.
verb_handler listing(std::string_view operation, const char* of, table (*view)(const json&));

/// One document, in lines or as it is.
verb_handler shown(std::string_view operation, std::string_view capture);

}  // namespace sm::ctl
