// What is wanted and what runs, written down by a thread of its own. Called in the loop alone, and
// answers there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <sm/log.hpp>
#include <string>

#include "link/loop.hpp"
#include "process/worker_thread.hpp"
#include "store/state_store.hpp"

namespace sm {

/// Writes down what is wanted.
class service_journal {
 public:
  virtual ~service_journal() = default;
  /// `done` is called later, in the loop; what cannot be written is refused.
  virtual void put_service(const desired_service& row, std::function<void(result<void>)> done) = 0;
};

class journal : public service_journal {
 public:
  /// From then on `store` is used in the journal's thread alone.
  journal(loop& l, logger log, state_store& store)
      : loop_(l), log_(std::move(log)), store_(store), timer_(l.context()) {}

  /// A process is about to run; `done` is called once its row is written, or is kept to be written
  /// when it can be: said once, and tried until there is room.
  void put_instance(journaled_instance row, std::function<void()> done);
  void remove_instance(const std::string& name, std::uint64_t incarnation);

  void put_service(const desired_service& row, std::function<void(result<void>)> done) override;

  /// Where others wait for the disk, too.
  worker_thread& disk() noexcept { return disk_; }
  /// Writes what was asked for, and ends the thread.
  void stop();

 private:
  /// False when there is no room: it is kept, and posted when there is.
  bool post(const std::string& name, const worker_thread::task& work);
  void on_behind(const error& why);
  void retry();

  loop& loop_;
  const logger log_;
  state_store& store_;
  asio::steady_timer timer_;
  bool behind_ = false;
  std::map<std::string, worker_thread::task> unposted_;  ///< of each instance the last
  worker_thread disk_;
};

}  // namespace sm
