// Changes of what is wanted, one after the other: each is decided upon the outcome of the one
// before, journaled, and carried out. Runs in the loop alone.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <sm/principal.hpp>
#include <sm/promise.hpp>
#include <string>

#include "manager/journal.hpp"
#include "service/change.hpp"

namespace sm {

/// How long a change waits for its goal: not at all, or until a deadline.
struct wait_for {
  std::chrono::milliseconds timeout{0};
};

/// A change on its way, and who is answered in the end.
struct asked_change {
  desired_change what;
  wait_for wait{};
  principal by{};
  promise<json> done{};
};

class change_queue {
 public:
  /// What decides and carries out.
  class executor {
   public:
    virtual ~executor() = default;
    virtual result<desired_service> decide(const desired_change& c) = 0;
    /// What was decided is what is there already, which needs no writing.
    virtual bool is_present(const desired_service& wanted) const = 0;
    /// It was not written, so that nothing changes.
    virtual void undecide(const std::string& service) = 0;
    virtual void carry_out(asked_change c, const desired_service& wanted) = 0;
  };

  change_queue(service_journal& j, executor& to) : journal_(j), to_(to) {}

  promise<json> submit(desired_change c, wait_for w = {}, principal by = {});
  /// Changes of that service wait, with all that come later, until it is released: what an earlier
  /// one of its name leaves is being removed.
  void hold(const std::string& service) { held_.insert(service); }
  void release(const std::string& service);
  /// Refuses those that wait, and all that come.
  void close();

 private:
  void next();
  void on_written(const std::shared_ptr<asked_change>& c, const desired_service& wanted,
                  const result<void>& written);

  service_journal& journal_;
  executor& to_;
  std::deque<asked_change> waiting_;
  std::set<std::string, std::less<>> held_;
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace sm
