// The head of a request, judged before any of its body is read: how it is framed (RFC 9112), what
// it is addressed to, and whether it may go on. Values in, values out: no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <sm/http.hpp>
#include <sm/trace.hpp>
#include <string>
#include <string_view>

#include "http/guard.hpp"

namespace sm {

/// Finds the end of a head in bytes as they arrive, and refuses what parsers read in different
/// ways: a line that ends without CR, and a field folded over lines (RFC 9112 2.2, 5.2).
class head_scanner {
 public:
  /// `text` is all that came of the head so far. Its size with the empty line at its end, or 0 when
  /// more is to come; fails with `bad_request`.
  result<std::size_t> scan(std::string_view text);

 private:
  std::size_t line_ = 0;     // where the line begins that has no end yet
  std::size_t scanned_ = 0;  // no line ends between there and here
};

/// What of a head the decisions look at. Views into the message; a field that is absent is "".
struct request_head {
  std::string_view method;
  std::string_view target;
  unsigned version = 11;  ///< 10 or 11

  unsigned hosts = 0;  ///< how many fields of the name there are
  unsigned content_lengths = 0;
  unsigned transfer_encodings = 0;
  std::string_view host;
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::string_view content_type;
  std::string_view origin;
  std::string_view sec_fetch_site;
  std::string_view sec_fetch_mode;
  std::string_view sec_fetch_dest;
  std::string_view authorization;
  std::string_view cookie;
  std::string_view request_id;
  unsigned traceparents = 0;
  std::string_view traceparent;
  bool close = false;       ///< Connection: close
  bool keep_alive = false;  ///< Connection: keep-alive
  bool expects_continue = false;

  void add(std::string_view name, std::string_view value);
};

/// Where the body ends, and whether another request may follow.
struct framing {
  bool chunked = false;
  std::uint64_t length = 0;  ///< of a body that is not chunked
  bool keep_alive = false;
  bool wants_continue = false;

  bool has_body() const noexcept { return chunked || length > 0; }
};

/// Fails with `bad_request`; the connection is to be closed then, because where the next request
/// begins is anybody's guess (RFC 9112 6.3).
result<framing> read_framing(const request_head& head);

struct request_target {
  std::string_view authority;  ///< of the absolute form; "" otherwise
  std::string_view path;       ///< "*" for the whole server
  std::string_view query;
};

/// Origin form, absolute form, or "*" (RFC 9112 3.2); fails with `bad_request`.
result<request_target> read_target(std::string_view method, std::string_view target);

/// What the router found at the target.
struct destination {
  enum class kind { route, wrong_method, nowhere };
  kind found = kind::nowhere;
  route_access access = route_access::user;
  std::optional<api_role> role{};
  std::string allow{};  ///< of a wrong method: "GET, HEAD, OPTIONS"
};

struct head_limits {
  std::uint64_t body_max = 0;
  bool bodies_full = false;   ///< there is no room for another body
  bool pending_full = false;  ///< too many requests of this kind wait for their answer
};

/// The answer to a request that goes no further; nothing when it may proceed. `now` in Unix
/// seconds.
struct head_verdict {
  std::optional<response> refused{};
  credential shown{};              ///< also by who is refused
  std::optional<error> not_let{};  ///< why the guard refuses it, if it is the guard
};
head_verdict judge(const guard_policy& policy, const known_peer& peer, const request_head& head,
                   const framing& body, const request_target& target, const destination& to,
                   const head_limits& limits, std::int64_t now);

/// That of who asks, if the head has a valid one; of several none counts (W3C Trace Context 3.2).
std::optional<trace_context> trace_of(const request_head& head) noexcept;

/// An id from outside is used when it cannot upset a log or a header: up to 128 letters, digits and
/// "-._~+/=:".
bool valid_request_id(std::string_view id) noexcept;

}  // namespace sm
