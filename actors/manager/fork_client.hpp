// The manager's side of the fork servers: keeps one running, asks it for processes, and lets go of
// those that have ended. Fork servers of earlier managers, the parents of what was adopted, and of
// an executable that was replaced since, are kept until they have no children any more.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <sm/log.hpp>
#include <string>
#include <vector>

#include "link/loop.hpp"
#include "process/build_id.hpp"
#include "process/fork_server.hpp"

namespace sm {

/// Tells a program's second execution that it is the fork server: JSON of fork_server_settings.
inline constexpr const char* fork_server_variable = "SM_FORK_SERVER";

/// Where instances' processes come from, and where they end.
class process_maker {
 public:
  using on_forked = std::function<void(result<pid_t>)>;
  virtual ~process_maker() = default;

  /// Starts a process that inherits `link` and `sockets`, as soon as nothing is left of those of
  /// its instance that were to be forgotten; `done` is called from the loop.
  virtual void fork(const fork_request& rq, unique_fd link, const std::vector<int>& sockets,
                    on_forked done) = 0;

  /// Whoever is its parent collects `pid`, or kills it first, with all that it started; `done` is
  /// called from the loop when nothing of that is left. True when we are its parent: then that is
  /// the caller's work, who says `ended` afterwards.
  virtual bool forget(pid_t pid, const std::string& instance, std::function<void()> done) = 0;
  virtual void ended(pid_t pid) = 0;

  /// The fork server of an earlier manager came, with these children.
  virtual void take_over(unique_fd channel, const std::vector<pid_t>& children) = 0;

  /// It is a fork server that we started.
  virtual bool is_ours(pid_t pid) const = 0;
  virtual std::vector<pid_t> ours() const = 0;
  /// Collects those of them that have ended and that nobody else collects.
  virtual void collect_earlier() = 0;

  /// The file that the next process will be made of.
  virtual const std::filesystem::path& executable() const = 0;
};

class fork_client : public process_maker {
 public:
  /// `argv` is the program's own: its second execution registers what the first one did.
  fork_client(loop& l, logger log, std::vector<std::string> argv, fork_server_settings settings);

  void fork(const fork_request& rq, unique_fd link, const std::vector<int>& sockets,
            on_forked done) override;
  bool forget(pid_t pid, const std::string& instance, std::function<void()> done) override;
  void ended(pid_t pid) override;
  void take_over(unique_fd channel, const std::vector<pid_t>& children) override;
  bool is_ours(pid_t pid) const override;
  std::vector<pid_t> ours() const override;
  void collect_earlier() override;
  const std::filesystem::path& executable() const override { return executable_; }

  /// Fork servers that this process started before it was executed anew: they come by themselves.
  void know_as_ours(const std::vector<pid_t>& pids) { earlier_.insert(pids.begin(), pids.end()); }

  /// Lets all of them end.
  void close();

 private:
  struct held_request {
    fork_request rq;
    unique_fd link;
    std::vector<unique_fd> sockets;
    on_forked done;
  };
  struct server {
    explicit server(asio::io_context& context) : channel(context) {}
    asio::posix::stream_descriptor channel;
    pid_t pid = 0;        // if we started it
    bool proven = false;  // it has made a process
    std::set<pid_t> children{};
    std::vector<pid_t> to_forget{};
    std::vector<held_request> unsent{};  // it had ended already, which is not read yet
  };
  using server_ref = std::list<server>::iterator;

  result<void> start();
  void follow_executable();
  void retire(server& s);
  void read_replies(server_ref s);
  void on_message(server& s, const fork_reply& reply);
  void on_message(server& s, const forget_reply& reply);
  void lost(server_ref s);
  void replace_own(bool never_worked);
  void send_fork(held_request request, bool again = false);
  void hand_on(server& s, pid_t pid);

  loop& loop_;
  logger log_;
  const std::vector<std::string> argv_;
  fork_server_settings settings_;
  std::list<server> servers_;
  server_ref own_ = servers_.end();
  const std::filesystem::path executable_;
  std::optional<file_identity> made_of_;  // own_, or what was tried last
  struct request {
    on_forked done;
    std::chrono::steady_clock::time_point late;
  };
  struct ending {
    std::string instance;
    std::function<void()> done;
    std::chrono::steady_clock::time_point late;
    bool in_order = false;  // our own fork server hears of it before the next request
  };
  void watch_requests();

  std::set<pid_t> earlier_;  // children of ours, not from this run of the program
  std::map<std::uint64_t, request> waiting_;
  std::map<pid_t, ending> ending_;
  std::list<held_request> held_;  // until an earlier run of the instance has ended elsewhere
  asio::steady_timer deadline_;
  bool watching_ = false;
};

}  // namespace sm
