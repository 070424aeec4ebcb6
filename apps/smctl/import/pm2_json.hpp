// The text of an ecosystem of pm2.
#pragma once

#include <map>
#include <sm/json.hpp>
#include <string>
#include <string_view>

namespace sm::ctl {

/// pm2 evaluates an ecosystem's .json as JavaScript: comments and commas behind the last element
/// are taken. The same text with blanks in their places.
std::string plain_json(std::string_view text);

/// The line of each key and element of a valid JSON text, by JSON pointer.
std::map<std::string, std::size_t> lines_of_json(std::string_view text);

}  // namespace sm::ctl
