// Runs the commands of a service: in the actor's thread, or on a few others those that may block;
// of a plain CAF actor by asking it. Answers travel together. In the actor's thread.
#pragma once

#include <functional>
#include <optional>
#include <sm/service.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "link/caf.hpp"
#include "link/messages.hpp"
#include "process/posted_work.hpp"
#include "process/worker_thread.hpp"
#include "telemetry/span.hpp"

namespace sm {

class command_runner {
 public:
  /// `send` takes answers to the manager; `on_last_answer` is called when the runner was closed and
  /// nothing is unanswered any more, maybe in the middle of the service's own function.
  command_runner(caf::io::broker* self, posted_work& posted,
                 std::function<void(wire::reply_batch)> send, std::function<void()> on_last_answer)
      : self_(self),
        posted_(posted),
        send_(std::move(send)),
        on_last_answer_(std::move(on_last_answer)) {}

  /// Throws `failure` for a name that is taken.
  void add(const std::string& name, command_function f, bool blocking);
  std::vector<std::string> names() const;
  /// Commands are asked of this actor from now on.
  void ask(caf::strong_actor_ptr plain_actor) { plain_actor_ = std::move(plain_actor); }

  void run(const wire::command_batch& batch);
  /// Managers count their commands each for itself: what an earlier one asked is not answered.
  void on_new_manager() noexcept { ++manager_; }

  /// Refuses what comes from now on.
  void close() noexcept { closed_ = true; }
  bool idle() const noexcept { return unanswered_ == 0; }
  /// Waits for the commands that block.
  void stop_threads() {
    if (pool_) pool_->stop();
  }
  void flush();

 private:
  struct entry {
    command_function run;
    bool blocking = false;
  };
  struct question {
    std::uint64_t id = 0;
    unsigned manager = 0;
    std::shared_ptr<span> traced{};  ///< of one that is sampled
  };

  void run_one(const wire::command& c);
  question question_of(const wire::command& c) const;
  void ask_plain_actor(const wire::command& c);
  void answer(const question& asked, result<std::string> outcome);
  void add_reply(std::uint64_t id, result<std::string> outcome);

  caf::io::broker* const self_;
  posted_work& posted_;
  const std::function<void(wire::reply_batch)> send_;
  const std::function<void()> on_last_answer_;
  std::unordered_map<std::string, entry> commands_;
  caf::strong_actor_ptr plain_actor_;
  std::optional<worker_thread> pool_;  // for those that block
  wire::reply_batch replies_;
  unsigned manager_ = 0;
  std::size_t unanswered_ = 0;
  bool running_ = false;
  bool closed_ = false;
};

}  // namespace sm
