// The manager's event loop: one thread in which HTTP, CAF's I/O, the supervisor and the calls run,
// so that none of them needs a lock and a command costs no hand-over between threads.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "link/caf.hpp"

namespace sm {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

class loop {
 public:
  asio::io_context& context() noexcept { return context_; }

  /// Takes CAF's I/O into this loop. Before run(), with a system made by `make_loop_system`.
  void drive(caf::actor_system& system, int multiplexer_fd);

  /// Runs until stop().
  void run();
  void stop() { context_.stop(); }

  /// Whether run() was called: before, nothing that comes in is read.
  bool runs() const noexcept { return runs_; }

  bool in_loop() const noexcept { return std::this_thread::get_id() == thread_; }

  /// Runs `f` in the loop's thread: at once when called there.
  template <class F>
  void dispatch(F f) {
    if (in_loop())
      f();
    else
      asio::post(context_, std::move(f));
  }

  /// Runs `f` in the loop's thread, later. From any thread.
  template <class F>
  void defer(F f) {
    asio::post(context_, std::move(f));
  }

  /// Runs `f` when everything that was ready in this turn has been handled. From the loop's thread.
  void at_turn_end(std::function<void()> f) { turn_end_.push_back(std::move(f)); }

 private:
  void end_turn();
  bool run_caf();
  void watch_caf();

  asio::io_context context_{1};
  std::thread::id thread_ = std::this_thread::get_id();
  std::vector<std::function<void()>> turn_end_, running_;
  caf::io::network::multiplexer* caf_ = nullptr;
  std::optional<asio::posix::stream_descriptor> caf_ready_;
  bool watching_ = false;
  bool runs_ = false;
};

/// Makes an actor system whose I/O waits for a loop to drive it; `multiplexer_fd` gets the
/// descriptor that tells when there is some.
std::unique_ptr<caf::actor_system> make_loop_system(caf::actor_system_config& config,
                                                    int& multiplexer_fd);

/// Brings messages from CAF into the loop, all that came in one turn together.
class loop_mailbox {
 public:
  using handler = std::function<void(std::uint64_t key, caf::mailbox_element&)>;

  loop_mailbox(loop& l, handler h) : loop_(l), handler_(std::move(h)) {}

  /// Makes an actor whose messages are handed to the handler with `key`, in the loop.
  caf::strong_actor_ptr make_actor(caf::actor_system& system, std::uint64_t key);

 private:
  void push(std::uint64_t key, caf::mailbox_element_ptr element);
  void drain();

  loop& loop_;
  handler handler_;
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, caf::mailbox_element_ptr>> incoming_, current_;
};

}  // namespace sm
