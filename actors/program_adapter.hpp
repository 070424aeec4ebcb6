// The service that runs a program: starts it, writes what it prints to the log, finds out when it
// is ready and whether it is healthy, stops it, and ends the way it ended.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <sm/service.hpp>
#include <sm/service_spec.hpp>
#include <thread>

#include "log/log_file.hpp"
#include "process/notify_socket.hpp"
#include "registry.hpp"

namespace sm {

class program_adapter : public service {
 public:
  /// Throws `failure` with what is at fault when the program cannot be started.
  program_adapter(service_context context, const builtin_setup& setup);
  /// Sends the stop signal and waits for the program's end, `stop_timeout` at most; then kills it.
  ~program_adapter() override;

 private:
  struct stream {
    unique_fd fd;
    const char* name = "";
    std::string rest{};  // of a line that has not ended yet
  };

  void start();
  void go_on(void (program_adapter::*work)());
  void watch();
  void read_stream(stream& s);
  void read_notifications();
  void look_after();
  bool pause(std::chrono::milliseconds length);
  void became_ready();
  void end_program(const std::string& why);
  bool shows_life();
  json status();

  const service_spec spec_;
  builtin_host& host_;
  const std::shared_ptr<log_file> log_file_;
  pid_t pid_ = 0;
  unique_fd process_;
  stream output_{{}, "stdout"}, errors_{{}, "stderr"};
  std::optional<notify_socket> notify_;
  unique_fd ready_pipe_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false, ended_ = false, ready_ = false;
  unsigned failures_ = 0;
  std::string health_ = "unknown", status_text_, why_ended_;
  std::optional<std::chrono::steady_clock::time_point> beat_;  // WATCHDOG=1 came

  std::thread watcher_, caretaker_;
};

}  // namespace sm
