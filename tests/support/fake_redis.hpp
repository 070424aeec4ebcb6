// A server that answers as a test wants it, on a port of its own: for what no real Redis does.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sm::test {

class fake_redis {
 public:
  using command = std::vector<std::string>;
  /// Called in a thread of its own for each connection; returns when it is done with it.
  using handler = std::function<void(int fd)>;

  explicit fake_redis(handler serve);
  ~fake_redis();
  fake_redis(const fake_redis&) = delete;
  fake_redis& operator=(const fake_redis&) = delete;

  /// Serves commands one by one; `answer` returns the bytes to send.
  static handler answering(std::function<std::string(const command&)> answer);
  /// Passes everything on to the server at `port`, and what comes back through `change`.
  static handler passing_on(int port, std::function<std::string(std::string)> change);

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  void accept_all();

  const handler serve_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

/// False when the peer is gone.
bool send_all(int fd, std::string_view bytes);
/// The next command of a client; empty when it is gone.
fake_redis::command read_command(int fd);
/// A text as a reply.
std::string bulk(const std::string& text);

}  // namespace sm::test
