// The queue as the manager looks at it. Calls wait for the store, so they run in a thread of their
// own.
#pragma once

#include <chrono>
#include <functional>
#include <sm/guarded.hpp>
#include <sm/log.hpp>
#include <sm/promise.hpp>

#include "process/worker_thread.hpp"
#include "queue/job_store.hpp"

namespace sm {

class queue_view {
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds away_after{500};

 public:
  queue_view(std::string url, queue_config config, logger log);

  /// Fulfilled in the view's thread with what `question` answers. While the store is away, those
  /// who waited behind one that was told so are told the same, instead of each waiting for it in
  /// turn.
  template <class T>
  promise<T> ask(std::function<result<T>(job_store&)> question) {
    promise<T> p;
    bool posted = thread_.post([this, p, question = std::move(question), asked_at = clock::now(),
                                trace = current_trace()] {
      trace_scope of_who_asks(trace);
      if (asked_at < away_at_) {
        p.set_error(away_);
        return;
      }
      auto begin = clock::now();
      auto ok = open();
      auto answer = ok ? guarded("a question to the queue", [&] { return question(*store_); })
                       : result<T>(tl::unexpected<error>(ok.error()));
      // One that is full, say, refuses at once, and others may have their answer.
      bool waited = clock::now() - begin > away_after;
      if (!answer && waited && answer.error().code == errc::unavailable) {
        away_ = answer.error();
        away_at_ = clock::now();
      }
      p.set(std::move(answer));
    });
    if (!posted) p.set_error({errc::overloaded, "too many questions to the queue wait", {}});
    return p;
  }

  /// A consumer is gone: what it had in hand is ready again at once.
  void release(const std::string& worker);

  /// Answers what was asked, and closes the store.
  void close();

 private:
  result<void> open();

  const std::string url_;
  const queue_config config_;
  const logger log_;
  // Used by the thread alone:
  std::unique_ptr<job_store> store_;
  error away_{};
  clock::time_point away_at_{};
  worker_thread thread_{1024};
};

}  // namespace sm
