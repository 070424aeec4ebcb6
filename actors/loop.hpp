// The manager's event loop: one thread in which the gateway, the supervisor and the calls run, so
// that none of them needs a lock. Messages of CAF arrive here in batches.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "caf.hpp"

namespace sm {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

class loop {
 public:
  asio::io_context& context() noexcept { return context_; }
  void run() {
    thread_ = std::this_thread::get_id();
    context_.run();
  }
  void stop() { context_.stop(); }

  bool in_loop() const noexcept { return std::this_thread::get_id() == thread_; }

  /// Runs `f` in the loop's thread: at once when called there.
  template <class F>
  void dispatch(F f) {
    if (in_loop())
      f();
    else
      asio::post(context_, std::move(f));
  }

  /// Runs `f` in the loop's thread after everything that is ready now.
  template <class F>
  void defer(F f) {
    asio::post(context_, std::move(f));
  }

 private:
  asio::io_context context_{1};
  std::thread::id thread_ = std::this_thread::get_id();
};

/// Brings messages from CAF's threads into the loop: one wake-up for all that came meanwhile.
class loop_mailbox {
 public:
  using handler = std::function<void(std::uint64_t key, caf::mailbox_element&)>;

  loop_mailbox(loop& l, handler h) : loop_(l), handler_(std::move(h)) {}

  /// Makes an actor whose messages are handed to the handler with `key`, in the loop.
  caf::strong_actor_ptr make_actor(caf::actor_system& system, std::uint64_t key) {
    auto companion = system.spawn<caf::actor_companion>();
    auto pointer = caf::actor_cast<caf::strong_actor_ptr>(companion);
    static_cast<caf::actor_companion*>(pointer->get())
        ->on_enqueue([this, key](caf::mailbox_element_ptr e) { push(key, std::move(e)); });
    return pointer;
  }

 private:
  void push(std::uint64_t key, caf::mailbox_element_ptr element) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = incoming_.empty();
      incoming_.emplace_back(key, std::move(element));
    }
    if (first) asio::post(loop_.context(), [this] { drain(); });
  }

  void drain() {
    {
      std::lock_guard lock(mutex_);
      current_.swap(incoming_);
    }
    for (auto& [key, element] : current_) handler_(key, *element);
    current_.clear();
  }

  loop& loop_;
  handler handler_;
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, caf::mailbox_element_ptr>> incoming_, current_;
};

}  // namespace sm
