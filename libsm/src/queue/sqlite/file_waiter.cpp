#include "queue/sqlite/file_waiter.hpp"

#include <condition_variable>
#include <mutex>

#include "queue/sqlite/wake_up.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

class file_waiter : public job_waiter {
 public:
  explicit file_waiter(wake_up_receiver receiver) : receiver_(std::move(receiver)) {}
  void watch(const std::vector<std::string>&) override { receiver_.announce(); }
  void unwatch() override { receiver_.withdraw(); }
  void wait(milliseconds timeout) override { receiver_.wait(timeout); }
  void interrupt() override { receiver_.interrupt(); }

 private:
  wake_up_receiver receiver_;
};

/// Where no socket can stand, such as below a path that is too long for one: who waits looks again
/// when its time is over.
class timed_waiter : public job_waiter {
 public:
  void watch(const std::vector<std::string>&) override {}
  void unwatch() override {}
  void wait(milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    interrupted_.wait_for(lock, timeout, [this] { return asked_; });
    asked_ = false;
  }
  void interrupt() override {
    std::lock_guard lock(mutex_);
    asked_ = true;
    interrupted_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable interrupted_;
  bool asked_ = false;
};

}  // namespace

std::unique_ptr<job_waiter> make_file_waiter(const std::filesystem::path& file) {
  auto receiver = wake_up_receiver::open(file);
  if (!receiver) return std::make_unique<timed_waiter>();
  return std::make_unique<file_waiter>(std::move(*receiver));
}

}  // namespace sm
