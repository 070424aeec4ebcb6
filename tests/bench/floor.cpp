// The floor that the benchmark measures in the same run: what raw epoll in C++ costs on this
// machine. One thread of HTTP in front of N forked processes over socketpairs, answering the same
// bytes as the services of bench_program. Floor A writes once per service and request; floor B
// coalesces the requests of one loop turn into one write per service. Not a product: no limits, no
// errors, no timeouts.
//
// usage: floor PORT PROCESSES a|b
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int max_events = 256;
const std::string answer = R"({"name":"service","count":42,"ok":true})";

struct call {
  std::uint32_t id;
};

/// One service: reads ids, writes an id and the answer for each.
[[noreturn]] void serve(int fd) {
  char input[65536];
  std::string output;
  std::size_t held = 0;
  for (;;) {
    auto n = ::read(fd, input + held, sizeof input - held);
    if (n <= 0) ::_exit(0);
    held += static_cast<std::size_t>(n);
    std::size_t used = 0;
    output.clear();
    for (; held - used >= sizeof(call); used += sizeof(call)) {
      output.append(input + used, sizeof(call));
      output += answer;
    }
    std::memmove(input, input + used, held - used);
    held -= used;
    for (std::size_t sent = 0; sent < output.size();) {
      auto w = ::write(fd, output.data() + sent, output.size() - sent);
      if (w <= 0) ::_exit(0);
      sent += static_cast<std::size_t>(w);
    }
  }
}

struct client {
  int fd = -1;
  std::string input;
};

struct service {
  int fd = -1;
  std::string output;  // floor B collects here
  std::string input;
  bool dirty = false;
};

/// A request that waits for the answers of one or all services.
struct gather {
  client* who = nullptr;
  std::uint32_t missing = 0;
  std::uint32_t total = 0;
};

class front {
 public:
  front(int port, unsigned processes, bool coalesce)
      : coalesce_(coalesce), epoll_(::epoll_create1(0)) {
    for (unsigned i = 0; i < processes; ++i) {
      int pair[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) std::abort();
      if (::fork() == 0) {
        ::close(pair[0]);
        serve(pair[1]);
      }
      ::close(pair[1]);
      auto s = std::make_unique<service>();
      s->fd = pair[0];
      services_.push_back(std::move(s));
      watch(pair[0], i + 1);
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1024) != 0) {
      std::perror("floor");
      std::exit(1);
    }
    watch(listener_, 0);
  }

  [[noreturn]] void run() {
    epoll_event events[max_events];
    for (;;) {
      int n = ::epoll_wait(epoll_, events, max_events, -1);
      for (int i = 0; i < n; ++i) {
        auto key = events[i].data.u64;
        if (key == 0)
          accept_all();
        else if (key <= services_.size())
          read_service(*services_[key - 1]);
        else
          read_client(reinterpret_cast<client*>(key));
      }
      for (auto* s : dirty_) {
        write_all(s->fd, s->output);
        s->output.clear();
        s->dirty = false;
      }
      dirty_.clear();
    }
  }

 private:
  void watch(int fd, std::uint64_t key) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u64 = key;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
  }

  static void write_all(int fd, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
      auto n = ::write(fd, text.data() + sent, text.size() - sent);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }

  void accept_all() {
    for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, 0)) >= 0;) {
      int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto* c = new client;
      c->fd = fd;
      watch(fd, reinterpret_cast<std::uint64_t>(c));
    }
  }

  void read_client(client* c) {
    char chunk[16384];
    auto n = ::read(c->fd, chunk, sizeof chunk);
    if (n <= 0) {
      ::close(c->fd);
      return;  // a gather may still point to it: the benchmark's few clients are not freed
    }
    c->input.append(chunk, static_cast<std::size_t>(n));
    for (std::size_t end; (end = c->input.find("\r\n\r\n")) != std::string::npos;
         c->input.erase(0, end + 4)) {
      if (c->input.compare(0, 9, "GET /all ") == 0)
        ask(c, static_cast<std::uint32_t>(services_.size()));
      else if (c->input.compare(0, 9, "GET /one ") == 0)
        ask(c, 1);
      else
        reply(c, "hello");
    }
  }

  void ask(client* c, std::uint32_t count) {
    std::uint32_t id = 0;
    if (free_.empty()) {
      id = static_cast<std::uint32_t>(gathers_.size());
      gathers_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
    }
    gathers_[id] = {c, count, count};
    call message{id};
    for (std::uint32_t i = 0; i < count; ++i) {
      auto& s = *services_[i];
      std::string bytes(reinterpret_cast<const char*>(&message), sizeof message);
      if (!coalesce_) {
        write_all(s.fd, bytes);
        continue;
      }
      s.output += bytes;
      if (!s.dirty) {
        s.dirty = true;
        dirty_.push_back(&s);
      }
    }
  }

  void read_service(service& s) {
    char chunk[65536];
    auto n = ::read(s.fd, chunk, sizeof chunk);
    if (n <= 0) std::exit(0);
    s.input.append(chunk, static_cast<std::size_t>(n));
    const auto size = sizeof(call) + answer.size();
    std::size_t used = 0;
    for (; s.input.size() - used >= size; used += size) {
      call message{};
      std::memcpy(&message, s.input.data() + used, sizeof message);
      auto& g = gathers_[message.id];
      if (--g.missing > 0) continue;
      std::string body = g.total == 1 ? "{\"result\":" + answer + "}" : all_answers(g.total);
      reply(g.who, body);
      free_.push_back(message.id);
    }
    s.input.erase(0, used);
  }

  static std::string all_answers(std::uint32_t count) {
    std::string body = R"({"complete":true,"results":{)";
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i > 0) body += ',';
      body += "\"s" + std::to_string(i) + R"(":{"ok":true,"result":)" + answer + R"(,"us":180})";
    }
    return body + "}}";
  }

  static void reply(client* c, const std::string& body) {
    write_all(c->fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  bool coalesce_;
  int epoll_;
  int listener_ = -1;
  std::vector<std::unique_ptr<service>> services_;
  std::vector<service*> dirty_;
  std::vector<gather> gathers_;
  std::vector<std::uint32_t> free_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: floor PORT PROCESSES a|b\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);
  front(std::atoi(argv[1]), static_cast<unsigned>(std::atoi(argv[2])), argv[3][0] == 'b').run();
}
