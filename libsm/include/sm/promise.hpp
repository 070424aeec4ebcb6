// A value that arrives later. The handle is shared by the one who fulfils it and the one who waits.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <sm/error.hpp>
#include <sm/guarded.hpp>
#include <sm/trace.hpp>
#include <type_traits>
#include <utility>

namespace sm {

/// A command or route handler returns a promise to answer later; `manager` and `queue` calls return
/// one for their answer. Copies refer to the same value. The first result set counts, later ones
/// are dropped. Thread-safe. A promise does not time out by itself: whoever waits has the deadline.
template <class T>
class promise {
 public:
  using value_type = T;

  promise() : state_(std::make_shared<state>()) {}

  /// Sets the result and runs the continuation, in this thread. False when there is a result
  /// already.
  bool set(result<T> value) const {
    std::unique_lock lock(state_->mutex);
    if (state_->fulfilled) return false;
    state_->fulfilled = true;
    if (!state_->continuation) {
      state_->value = std::move(value);
      auto kept = state_;  // who waits may drop this promise at once
      lock.unlock();       // else it is woken only to wait for the lock
      kept->arrived.notify_all();
      return true;
    }
    auto continuation = std::exchange(state_->continuation, nullptr);
    trace_scope of_who_waits(state_->trace);
    lock.unlock();
    run(continuation, std::move(value));
    return true;
  }
  bool set_value(T value) const { return set(result<T>(std::move(value))); }
  bool set_error(error e) const { return set(result<T>(tl::unexpected<error>(std::move(e)))); }

  /// Calls `f(result<T>)` once, when the result is there: at once in this thread, or later in the
  /// thread that sets it, and belongs to the trace of who called this. A promise has one
  /// continuation or one waiter. What `f` throws is logged, and concerns neither side.
  template <class F>
  void then(F f) const {
    std::unique_lock lock(state_->mutex);
    if (!state_->value) {
      state_->continuation = std::move(f);
      state_->trace = current_trace();
      return;
    }
    auto value = std::move(*state_->value);
    state_->value.reset();
    lock.unlock();
    run(f, std::move(value));
  }

  /// A promise for what `f(T)` makes of the value; errors pass through untouched, what `f` throws
  /// becomes `internal`, and is logged by the route or command that answers with it.
  template <class F>
  auto transform(F f) const {
    using out = std::decay_t<std::invoke_result_t<F, T>>;
    promise<out> next;
    then([next, f = std::move(f)](result<T> value) mutable {
      if (!value) {
        next.set_error(std::move(value.error()));
        return;
      }
      try {
        next.set_value(f(std::move(*value)));
      } catch (...) {
        next.set_error(caught_error(errc::internal));
      }
    });
    return next;
  }

  /// Blocks this thread until the result is there, at most for `timeout`, then fails with
  /// `timeout`. For programs outside the manager; never call it in a handler.
  result<T> wait_for(std::chrono::milliseconds timeout) const {
    std::unique_lock lock(state_->mutex);
    if (!state_->arrived.wait_for(lock, timeout, [this] { return state_->value.has_value(); }))
      return fail(errc::timeout, "no result in " + std::to_string(timeout.count()) + "ms");
    auto value = std::move(*state_->value);
    state_->value.reset();
    return value;
  }

 private:
  template <class F>
  static void run(F& f, result<T> value) {
    (void)guarded("a continuation", [&] { f(std::move(value)); });
  }

  struct state {
    std::mutex mutex;
    std::condition_variable arrived;
    bool fulfilled = false;
    std::optional<result<T>> value;
    std::function<void(result<T>)> continuation;
    trace_context trace;  ///< of who waits
  };

  std::shared_ptr<state> state_;
};

template <class T>
struct is_promise : std::false_type {};
template <class T>
struct is_promise<promise<T>> : std::true_type {};

}  // namespace sm
