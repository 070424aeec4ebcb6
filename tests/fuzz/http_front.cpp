// The HTTP server, on a Unix socket or TCP: the input's first byte says which, and into how many
// pieces the rest is cut that a client sends.
#include <arpa/inet.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <sm/manager.hpp>

#include "gateway/connection.hpp"
#include "gateway/gateway.hpp"
#include "security/access_tokens.hpp"
#include "system/unique_fd.hpp"
#include "temporary_folder.hpp"

#include "fuzz.hpp"

namespace {

using sm::fuzz::must;

/// No route here asks for a service.
class no_services : public sm::manager {
 public:
  void tell(const std::string&, const std::string&, const sm::json&) override {}
  sm::promise<sm::json_text> send_text(const std::string&, const std::string&, std::string,
                                       std::chrono::milliseconds) override {
    std::abort();
  }
  sm::promise<sm::json_text> broadcast_text(const std::string&, const std::string&, std::string,
                                            std::chrono::milliseconds) override {
    std::abort();
  }
  const sm::queue& jobs() const override { std::abort(); }
};

/// Says its text in two pieces, and ends.
class two_pieces : public sm::response_stream {
 public:
  bool pull(std::string& out, std::size_t) override {
    out += "data: x\n\n";
    return ++pulled_ < 2;
  }

 private:
  int pulled_ = 0;
};

class front {
 public:
  front() {
    add("GET", "/", [] { return "hello"; });
    add("POST", "/echo", [](sm::request&, const sm::json& body) { return body; });
    add("GET", "/name/:name", [](sm::request& rq) {
      return sm::response{.body = std::string(rq.capture("name")),
                          .content_type = rq.query("type").value_or("text/plain"),
                          .headers = {{"X-Query", rq.query("q").value_or("")}}};
    });
    add("GET", "/files/*rest", [](sm::request& rq) { return std::string(rq.capture("rest")); });
    add("GET", "/stream", [](sm::request& rq) {
      return sm::response{.content_type = "text/event-stream",
                          .headers = {{"X-Query", rq.query("q").value_or("")}},
                          .stream = std::make_shared<two_pieces>()};
    });
    add(
        "PUT", "/v1/things/:name",
        [](sm::request& rq, const sm::json& body) {
          (void)rq.query_names();
          return sm::json{{"name", rq.capture("name")}, {"body", body}};
        },
        sm::route_access::management);
    config_.listen = "127.0.0.1:0";
    config_.header_max = 1024;
    config_.body_max = 4096;
    config_.bodies_max = 8192;
    gateway_.emplace(loop_, config_, sm::logger(std::make_shared<spdlog::logger>("fuzz")), routes_,
                     services_);
    must(gateway_->listen_tcp("0123456789abcdef", tokens_).has_value(), "TCP is listened on");
    must(gateway_->listen_local(folder_.path() / "sm.sock").has_value(),
         "the socket is listened on");
  }

  sm::unique_fd connect_tcp() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    auto& where = gateway_->address();
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::atoi(where.substr(where.rfind(':') + 1).c_str())));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto fd = connect(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof address);
    // Closed by a reset: no port waits for late packets.
    linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return fd;
  }
  sm::unique_fd connect_unix() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (folder_.path() / "sm.sock").c_str());
    return connect(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  /// Lets the server do all it can do now.
  void turn() {
    loop_.context().restart();
    while (loop_.context().poll() > 0) {
    }
  }

 private:
  static sm::unique_fd connect(int family, const sockaddr* address, socklen_t size) {
    sm::unique_fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Each from a port and a loopback address of its own: a pair that the server closed first stays
    // taken for a minute.
    if (family == AF_INET) {
      static std::uint32_t number = 0;
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ++number % 0xfffff0);
      must(::bind(fd.get(), reinterpret_cast<sockaddr*>(&from), sizeof from) == 0, "a port");
    }
    int connected = ::connect(fd.get(), address, size);
    if (connected != 0 && errno == EINTR) {  // libFuzzer's alarm; it goes on by itself
      pollfd p{fd.get(), POLLOUT, 0};
      socklen_t length = sizeof connected;
      while (::poll(&p, 1, -1) < 0 && errno == EINTR) {
      }
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &connected, &length);
    }
    must(connected == 0, "the server is there");
    return fd;
  }
  template <class F>
  void add(const char* method, const char* pattern, F handler,
           sm::route_access access = sm::route_access::user) {
    sm::endpoint e{sm::make_route_handler(std::move(handler)), access, pattern};
    must(routes_.add(method, pattern, std::move(e)).has_value(), "a route");
  }

  sm::test::temporary_folder folder_;
  sm::loop loop_;
  sm::http_config config_;
  sm::router<sm::endpoint> routes_;
  no_services services_;
  sm::access_tokens tokens_;
  std::optional<sm::gateway> gateway_;
};

/// What has come for the client; nothing when the server hung up.
void receive(int fd, std::string& answers) {
  char block[16 << 10];
  for (;;) {
    auto n = ::recv(fd, block, sizeof block, MSG_DONTWAIT);
    if (n <= 0) return;
    answers.append(block, static_cast<std::size_t>(n));
  }
}

}  // namespace

SM_FUZZ_TARGET(http_front) {
  static auto& server = *new front;
  auto way = sm::fuzz::take_byte(input);
  auto client = way % 2 == 0 ? server.connect_unix() : server.connect_tcp();
  std::size_t pieces = 1 + way / 2 % 4;
  std::string answers;
  for (std::size_t i = 0; i < pieces; ++i) {
    auto piece = input.substr(0, (input.size() + pieces - 1 - i) / (pieces - i));
    input.remove_prefix(piece.size());
    (void)::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    server.turn();
    receive(client.get(), answers);
  }
  must(answers.empty() || answers.starts_with("HTTP/1.1 "), "an answer is HTTP");
  auto head = answers.substr(0, answers.find("\r\n\r\n"));
  for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2))
    must(head.find(':', at) != head.npos && head[at + 2] > ' ', "each line of its head is a field");
  client.reset();
  server.turn();
}
