// Server-sent events (WHATWG HTML 9.2.6) and lines of text, from texts that anybody may have
// written: a line end in one of them neither ends nor forges what is sent.
#pragma once

#include <string>
#include <string_view>

namespace sm {

struct event_fields {
  std::string_view id{};     ///< "": none
  std::string_view event{};  ///< "": "message"
  std::string_view data{};
};

void append_event(std::string& out, const event_fields& fields);

/// The text in one line: CR, LF and NUL as "\r", "\n" and "\0".
std::string one_line(std::string_view text);

}  // namespace sm
