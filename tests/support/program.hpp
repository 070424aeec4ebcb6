// Runs a program built on sm in a process of its own, with a state folder and a port of its own.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "http_client.hpp"
#include "temporary_folder.hpp"

namespace sm::test {

/// Looks again and again, with short pauses, until `condition` holds; false when it does not in
/// time. For what no event tells, such as a file or a process table of another program.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds timeout = patience);

/// What a process calls itself in the process table, or its argv[0]. libbsd 0.11.7 adds a space to
/// a title that is just as long as argv[0] was, which is left out here.
std::string title_of(pid_t pid);

class program {
 public:
  /// Starts `executable` and waits until it serves.
  explicit program(const std::string& executable, std::vector<std::string> arguments = {},
                   std::vector<std::string> environment = {});
  /// Kills it with everything it started, if it still runs.
  ~program();
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// Starts it again on the same state folder.
  void start();
  pid_t pid() const { return pid_; }
  int port() const { return port_; }
  const std::filesystem::path& state() const { return folder_.path(); }
  std::string token() const;

  void signal(int number) const;
  /// Waits for its end; the exit code, or minus the signal.
  int wait(std::chrono::milliseconds timeout = patience);
  int stop();

  http_connection connect() const { return http_connection(port_); }
  /// A request on a connection of its own, over TCP without a token.
  http_reply get(const std::string& target) const { return connect().request("GET", target); }
  /// A request to the management API over the Unix socket.
  http_reply api(const std::string& method, const std::string& target,
                 const std::string& body = {}) const;
  json service(const std::string& name) const {
    return api("GET", "/v1/services/" + name).document();
  }
  pid_t instance_pid(const std::string& service, std::size_t index = 0) const;
  bool all_ready() const { return api("GET", "/readyz").status == 200; }

  /// Every process that the program started and that still exists.
  std::vector<pid_t> descendants() const;
  std::string log_of(const std::string& instance) const;

 private:
  bool serves_without_room() const;

  std::string executable_;
  std::vector<std::string> arguments_, environment_;
  temporary_folder folder_;
  pid_t pid_ = -1;
  int port_ = 0;
};

bool alive(pid_t pid);

}  // namespace sm::test
