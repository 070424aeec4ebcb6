// The service that runs a program: starts it, writes what it prints to the log, finds out when it
// is ready and whether it is healthy, collects what ends of its tree, stops it, and ends the way it
// ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <sm/service.hpp>
#include <sm/service_spec.hpp>
#include <thread>

#include "log/line_splitter.hpp"
#include "log/log_file.hpp"
#include "log/rate_limit.hpp"
#include "process/notify_socket.hpp"
#include "process/probe.hpp"
#include "process/registry.hpp"

namespace sm {

class program_adapter : public service {
 public:
  /// Throws `failure` with what is at fault when the program cannot be started.
  program_adapter(service_context context, const builtin_setup& setup);
  /// Sends the stop signal and waits for the program's end, `stop_timeout` at most; then kills it.
  ~program_adapter() override;

 private:
  using clock = std::chrono::steady_clock;
  using time_point = clock::time_point;

  struct stream {
    unique_fd fd;
    const char* name = "";
    line_splitter lines{};
    time_point flush_at = time_point::max();  // an unfinished line is shown then
  };

  // program_adapter.cpp: the course of a run
  void start(const builtin_setup& setup);
  void go_on(void (program_adapter::*work)());
  void watch();
  void await_events();
  std::chrono::milliseconds patience();
  void collect_children();
  void look_at_main();
  void main_ended(pid_t ended, const exit_status& how);
  void look_for_daemon();
  void set_main(pid_t pid, unique_fd process);
  void act_on_time();
  void kill_tree();
  bool over();
  void drain();
  void wake() const;
  void signal_program(int number);
  void ask_to_end();
  void end_program(const std::string& why);
  bool read_stream(stream& s);
  void flush_lines(stream& s);
  void write_line(const stream& s, std::string_view line);
  pid_t main_pid();

  // program_notify.cpp: what the program says of itself
  void read_notifications();
  bool speaks_for_program(const notification& n);
  void heed(const notification& n);
  void heed_main_pid(const std::string& text);
  void show_later();
  void show(time_point now);
  void judge_beats(time_point now);
  bool traced();
  bool shows_life();

  // program_care.cpp: what takes time to find out
  void look_after();
  void await_ready();
  void watch_health();
  bool pause(std::chrono::milliseconds length);
  bool answered_by_this_run(const connection_ends& ends);
  void became_ready();
  json status();

  const service_spec spec_;
  builtin_host& host_;
  const std::shared_ptr<log_file> log_file_;
  uid_t uid_ = 0;      // whom the program runs as
  unique_fd wake_;     // an eventfd: there is something for the watcher
  unique_fd process_;  // of the main process; the watcher's
  stream output_{{}, "stdout"}, errors_{{}, "stderr"};
  std::optional<notify_socket> notify_;
  unique_fd ready_pipe_;
  bool children_changed_ = true;            // the watcher's, as all of these
  bool alone_ = false;                      // there is no process but this one
  time_point look_at_ = time_point::max();  // again, for what nothing tells of
  time_point show_at_ = time_point::max();
  time_point shown_at_{};
  rate_limit strangers_;
  rate_limit strangers_at_port_;  // the caretaker's
  std::atomic<bool> told_traced_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  pid_t main_ = 0;   // the main process; 0 while it is not known which one that is
  pid_t group_ = 0;  // its process group
  pid_t first_ = 0;  // the process that was started
  bool stopping_ = false, ended_ = false, ready_ = false, leaving_ = false, failure_ = false;
  time_point kill_at_ = time_point::max();  // SIGKILL to the whole tree
  std::optional<exit_status> how_;
  unsigned failures_ = 0;
  std::string health_ = "unknown", why_ended_;
  program_view view_, shown_;
  std::optional<time_point> beat_;  // WATCHDOG=1 came
  std::chrono::milliseconds beat_every_{};
  time_point extended_until_{};

  std::thread watcher_, caretaker_;
};

}  // namespace sm
