// Commands on their way: which process owes which answer, until when, and who waits for it.
// Commands for one process that arise in one turn of the loop travel as one message. Runs in the
// loop alone.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <set>
#include <sm/config.hpp>
#include <sm/json.hpp>
#include <sm/promise.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "link/loop.hpp"
#include "link/messages.hpp"
#include "service/call.hpp"
#include "telemetry/traffic_metrics.hpp"

namespace sm {

using clock = std::chrono::steady_clock;

/// An answer as it came: text of the result, or an error.
struct answer {
  bool ok = false;
  errc code = errc::internal;
  std::string text;  ///< JSON, or the error's detail
  std::string where;
  std::int64_t us = 0;  ///< from the call to the answer
};

class calls;

/// Somebody who waits for the answers of one or more processes, until a deadline.
class waiter : public boost::intrusive_ref_counter<waiter, boost::thread_unsafe_counter> {
 public:
  virtual ~waiter() = default;
  /// The answer of the `index`-th process that was asked.
  virtual void on_answer(std::size_t index, answer a) = 0;
  /// The deadline passed; no further answer will come.
  virtual void on_deadline() = 0;

 private:
  friend class calls;
  struct asked {
    std::uint64_t process = 0;  // 0: answered
    std::uint64_t call = 0;
  };
  std::vector<asked> asked_;
  std::size_t open_ = 0;
  std::string command_{};
  command_tally* tally_ = nullptr;  // of its command, once a process knew it
  clock::time_point deadline_{};
  bool armed_ = false;
};
using waiter_ptr = boost::intrusive_ptr<waiter>;

class calls {
 public:
  calls(loop& l, const link_config& config);
  ~calls();

  /// A process takes commands from now on. `id` is never used again for another one.
  void attach(std::uint64_t id, caf::actor service, std::string name);
  /// It does not any more: what it owes fails with `why`, at once.
  void detach(std::uint64_t id, const error& why);

  /// Sends a command; `w` hears of it exactly once: an answer, an error, or its deadline. Call
  /// `arm` once after the last `ask` for a waiter.
  void ask(const waiter_ptr& w, std::uint64_t process, const call& c, clock::time_point deadline);
  void arm(const waiter_ptr& w, clock::time_point deadline);

  void on_replies(std::uint64_t process, wire::reply_batch& batch);
  void on_pong(std::uint64_t process);

  /// True while a process owes an answer whose time is up: it is not waited for again until it
  /// answers a ping (the circuit breaker).
  bool overdue(std::uint64_t process) const;

  /// What has become of all that was asked.
  const command_tallies& tallies() const noexcept { return tallies_; }

 private:
  struct pending {
    waiter_ptr who{};
    std::size_t index = 0;
    std::size_t bytes = 0;
    clock::time_point sent{};
    trace_context trace{};  // of the command; its own span when it is sampled
    std::uint64_t parent_span = 0;
    std::uint32_t generation = 0;
  };
  struct process {
    caf::actor service;
    std::string name;
    std::vector<wire::command> outbox;
    std::vector<pending> table;
    std::vector<std::uint32_t> free;
    std::size_t outstanding = 0;
    std::size_t bytes = 0;
    bool overdue = false;
    bool flush_scheduled = false;
  };

  void flush();
  void expire();
  void schedule_expiry();
  void settle(const waiter_ptr& w, std::size_t index, answer a);
  command_tally& tally_of(waiter& w);
  pending* find_pending(process& p, std::uint64_t call);
  pending release(process& p, std::uint64_t call);
  static void count(request_histogram& took, const pending& row, clock::time_point now);
  static void record(const process& p, const pending& row, const answer& a);

  loop& loop_;
  const link_config& config_;
  std::unordered_map<std::uint64_t, process> processes_;
  command_tallies tallies_;
  std::vector<std::uint64_t> to_flush_;
  std::set<std::pair<clock::time_point, waiter*>> deadlines_;
  asio::steady_timer timer_;
  clock::time_point timer_at_ = clock::time_point::max();
};

/// One command to one process, its answer as a promise; `timeout` instead of the call's own.
promise<json_text> start_call(calls& all, std::uint64_t process, const call& c,
                              std::chrono::milliseconds timeout);

/// Whom a gather asks: the name in the answer, and the process, or why there is none.
struct gather_target {
  std::string name;
  std::uint64_t process = 0;
  error why_not{};
};

/// Somebody who wants to see a gather's answers as they come, beside the document at its end.
struct gather_watch {
  std::function<void(const std::vector<gather_target>&)> on_begin;
  std::function<void(const std::string& name, const std::string& answer)> on_answer;
};

/// One command to many. The document names every target; it is complete when all answered in time.
promise<json_text> start_gather(calls& all, std::vector<gather_target> targets, const call& c,
                                std::chrono::milliseconds timeout,
                                std::shared_ptr<const gather_watch> watch = {});

}  // namespace sm
