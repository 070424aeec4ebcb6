// A thread, or a few, that carry out tasks in the order they came: where calls that may block go,
// so that an event loop or an actor does not.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sm {

class worker_thread {
 public:
  using task = std::function<void()>;

  /// At most `capacity` tasks wait. What a task throws is logged. The threads start with the first
  /// task: each costs a stack and a heap of its own, in every process.
  explicit worker_thread(std::size_t capacity = 65536, std::size_t threads = 1);
  /// Carries out what was posted, then ends the threads.
  ~worker_thread();
  worker_thread(const worker_thread&) = delete;
  worker_thread& operator=(const worker_thread&) = delete;

  /// False when full or stopped, and while no thread can be made: it is tried again each time.
  [[nodiscard]] bool post(task work);

  /// Refuses further tasks, carries out the posted ones, ends the threads. Not from a task.
  void stop();

 private:
  bool start() noexcept;
  void run();

  const std::size_t capacity_, wanted_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<task> tasks_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sm
