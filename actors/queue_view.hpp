// The queue as the manager looks at it. Calls wait for the store, so they run in a thread of their
// own.
#pragma once

#include <functional>
#include <sm/log.hpp>
#include <sm/promise.hpp>

#include "process/worker_thread.hpp"
#include "queue/job_store.hpp"

namespace sm {

class queue_view {
 public:
  queue_view(std::string url, queue_config config, logger log);

  /// Fulfilled in the view's thread with what `question` answers.
  template <class T>
  promise<T> ask(std::function<result<T>(job_store&)> question) {
    promise<T> p;
    bool posted = thread_.post([this, p, question = std::move(question)] {
      if (auto ok = open(); !ok)
        p.set_error(ok.error());
      else
        p.set(question(*store_));
    });
    if (!posted) p.set_error({errc::overloaded, "too many questions to the queue wait", {}});
    return p;
  }

  /// A consumer is gone: what it had in hand is ready again at once.
  void release(const std::string& worker);

 private:
  result<void> open();

  const std::string url_;
  const queue_config config_;
  const logger log_;
  std::unique_ptr<job_store> store_;  // used by the thread alone
  worker_thread thread_{1024};
};

}  // namespace sm
