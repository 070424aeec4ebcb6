#include "process/worker_thread.hpp"

#include <sm/guarded.hpp>
#include <system_error>
#include <utility>

namespace sm {

worker_thread::worker_thread(std::size_t capacity) : capacity_(capacity) { (void)start(); }

worker_thread::~worker_thread() { stop(); }

bool worker_thread::start() noexcept {
  if (thread_.joinable()) return true;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::exception&) {  // no memory, or a limit on tasks
    return false;
  }
  return true;
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
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
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
