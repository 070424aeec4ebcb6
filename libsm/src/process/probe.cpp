#include "process/probe.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "process/deadline.hpp"
#include "process/tcp_connect.hpp"
#include "system/system_error.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

using clock = std::chrono::steady_clock;

bool wait_for(int fd, short events, clock::time_point deadline) {
  pollfd watched{fd, events, 0};
  int n = 0;
  do n = ::poll(&watched, 1, left_ms(deadline));
  while (n < 0 && errno == EINTR);
  return n == 1;
}

}  // namespace

result<probe_target> parse_probe_target(const std::string& kind, const std::string& text) {
  std::string_view rest = text;
  probe_target target;
  if (kind == "http") {
    constexpr std::string_view scheme = "http://";
    if (!rest.starts_with(scheme))
      return fail(errc::invalid_spec, "must be a URL such as \"http://127.0.0.1:8080/healthz\"");
    rest.remove_prefix(scheme.size());
    auto slash = std::min(rest.find('/'), rest.size());
    target.path = rest.substr(slash);
    if (target.path.empty()) target.path = "/";
    rest = rest.substr(0, slash);
    target.port = "80";
  }
  auto colon = rest.rfind(':');
  if (colon != rest.npos && rest.find(']', colon) == rest.npos) {
    target.port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  target.host = rest;
  bool number = parse_integer<std::uint16_t>(target.port, 1).has_value();
  if (target.host.empty() || !number || target.path.find_first_of(" \r\n") != target.path.npos)
    return fail(errc::invalid_spec, kind == "http"
                                        ? "must be a URL such as \"http://127.0.0.1:8080/\""
                                        : "must be \"host:port\"");
  return target;
}

result<connection_ends> probe(const std::string& kind, const probe_target& target,
                              std::chrono::milliseconds timeout) {
  auto deadline = clock::now() + timeout;
  auto fd = connect_tcp(target.host, target.port, deadline);
  if (!fd) return tl::unexpected<error>(fd.error());
  auto ends = ends_of(fd->get());
  if (!ends) return fail(errc::unavailable, "closed the connection at once");
  if (kind == "tcp") return *ends;
  auto request = "GET " + target.path + " HTTP/1.1\r\nHost: " + target.host + ":" + target.port +
                 "\r\nUser-Agent: sm\r\nConnection: close\r\n\r\n";
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return system_failure("cannot ask", target.host);
  // "HTTP/1.1 200 OK": the status line's first 12 bytes tell.
  std::string line;
  while (line.size() < 12) {
    char part[12];
    if (!wait_for(fd->get(), POLLIN, deadline)) return fail(errc::timeout, "no answer in time");
    auto n = ::recv(fd->get(), part, sizeof part - line.size(), 0);
    if (n <= 0) return fail(errc::unavailable, "closed the connection without an answer");
    line.append(part, static_cast<std::size_t>(n));
  }
  if (!line.starts_with("HTTP/1.")) return fail(errc::unavailable, "did not answer with HTTP");
  auto status = line.substr(9, 3);
  if (status < "100" || status >= "400")
    return fail(errc::unavailable, "answered with status " + status);
  return *ends;
}

}  // namespace sm
