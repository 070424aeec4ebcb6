// A redis-server of the test's own, on a port and in a folder of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace sm::test {

class redis_server {
 public:
  /// Starts it and waits until it answers. `options` are added to its command line; `config` is the
  /// text of its configuration file, if it needs one.
  explicit redis_server(std::vector<std::string> options = {}, const std::string& config = {});
  ~redis_server();
  redis_server(const redis_server&) = delete;
  redis_server& operator=(const redis_server&) = delete;

  /// Starts it again on the same port and folder.
  void start();
  void kill(int signal_number);  ///< and waits for its end
  void signal(int signal_number) const;

  pid_t pid() const { return pid_; }
  int port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  const std::filesystem::path& folder() const { return folder_.path(); }
  /// What redis-cli prints for a command.
  std::string cli(const std::vector<std::string>& command) const;

 private:
  bool answers() const;

  std::vector<std::string> options_;
  bool has_config_ = false;
  temporary_folder folder_;
  int port_ = 0;
  pid_t pid_ = -1;
};

/// A free port of 127.0.0.1, below those that connections take for their own end.
int free_port();

}  // namespace sm::test
