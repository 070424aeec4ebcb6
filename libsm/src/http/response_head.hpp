// The one way in which the head of an answer is written.
#pragma once

#include <optional>
#include <sm/http.hpp>
#include <string>
#include <string_view>

namespace sm {

/// What an answer's head says besides the answer itself.
struct head_form {
  bool close = false;             ///< this answer is the connection's last
  bool tell_keep_alive = false;   ///< HTTP/1.0 is told that it is not (RFC 9112 C.2.2)
  std::string_view request_id{};  ///< "": not said
};

/// "Not Found", or "" for a status without a name (RFC 9110 15, 6585).
std::string_view reason_phrase(unsigned status) noexcept;

/// False for 204, 205 and 304, whose answers end with their head.
bool may_have_content(unsigned status) noexcept;

/// RFC 9110 5.6.7, of this second.
const std::string& http_date();

/// Appends status line and header fields with the empty line. A field that is malformed, or that
/// would contradict the framing (Content-Length, Transfer-Encoding, Connection, Date), is left out
/// and named in the result. An event stream says that proxies must neither keep nor hold it back.
std::optional<std::string> append_response_head(std::string& out, const response& r,
                                                const head_form& form);

}  // namespace sm
