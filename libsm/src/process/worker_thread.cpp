#include "process/worker_thread.hpp"

#include <sm/guarded.hpp>
#include <system_error>
#include <utility>

namespace sm {

worker_thread::worker_thread(std::size_t capacity, std::size_t threads)
    : capacity_(capacity), wanted_(threads) {}

worker_thread::~worker_thread() { stop(); }

/// False while there is no thread at all.
bool worker_thread::start() noexcept {
  try {
    threads_.reserve(wanted_);
    while (threads_.size() < wanted_) threads_.emplace_back([this] { run(); });
  } catch (const std::exception&) {  // no memory, or a limit on tasks
  }
  return !threads_.empty();
}

bool worker_thread::post(task work) {
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || tasks_.size() >= capacity_ || !start()) return false;
    tasks_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void worker_thread::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

void worker_thread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    auto work = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    (void)guarded("a task of a worker thread", work);
    work = nullptr;
    lock.lock();
  }
}

}  // namespace sm
