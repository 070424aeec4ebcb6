#include "fork_client.hpp"

#include <csignal>

#include "process/spawn.hpp"

namespace sm {

fork_client::fork_client(loop& l, logger log, std::vector<std::string> argv)
    : loop_(l), log_(std::move(log)), argv_(std::move(argv)), channel_(l.context()) {}

result<void> fork_client::start() {
  auto channel = make_fork_channel();
  if (!channel) return tl::unexpected<error>(channel.error());
  auto& [ours, theirs] = *channel;
  auto pid =
      spawn({.executable = "/proc/self/exe",
             .argv = argv_,
             // LD_BIND_NOW: resolve every symbol once here instead of in each forked process.
             .environment = {std::string(fork_server_variable) + "=" + std::to_string(theirs.get()),
                             "LD_BIND_NOW=1"},
             .inherited_fd = theirs.get()});
  if (!pid) return tl::unexpected<error>(pid.error());
  pid_ = *pid;
  channel_.assign(ours.release());
  read_replies();
  return {};
}

void fork_client::fork(const std::string& title, const std::string& output, unique_fd link,
                       on_forked done) {
  result<void> outcome;
  if (!channel_.is_open()) outcome = start();
  auto id = next_id_++;
  if (outcome)
    outcome = send_fork_request(channel_.native_handle(), {id, title, output}, link.get());
  if (outcome)
    waiting_[id] = std::move(done);
  else
    loop_.defer([done = std::move(done), e = outcome.error()] { done(tl::unexpected<error>(e)); });
}

void fork_client::read_replies() {
  channel_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code ec) {
    if (ec) return;
    for (;;) {
      auto reply = receive_fork_reply(channel_.native_handle());
      if (!reply) {
        if (reply.error().code != errc::cancelled) return lost();
        break;
      }
      auto entry = waiting_.extract(reply->id);
      if (entry.empty()) continue;
      if (reply->pid > 0)
        entry.mapped()(reply->pid);
      else
        entry.mapped()(fail(errc::unavailable, reply->reason));
    }
    read_replies();
  });
}

void fork_client::lost() {
  error_code ignored;
  channel_.close(ignored);
  auto waiting = std::exchange(waiting_, {});
  if (!waiting.empty()) log_.error("the fork server ended; the next start makes a new one");
  for (auto& [id, done] : waiting) done(fail(errc::unavailable, "the fork server ended"));
}

bool fork_client::on_child_ended(pid_t pid) {
  if (pid != pid_) return false;
  pid_ = -1;
  if (channel_.is_open()) lost();
  return true;
}

void fork_client::close() {
  error_code ignored;
  channel_.close(ignored);
}

}  // namespace sm
