// Keeps the services as the user wants them: takes changes of the desired state, journals them, and
// makes the instances follow. Runs in the loop alone.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sm/manager.hpp>

#include "manager/instance.hpp"
#include "manager/supervision.hpp"
#include "process/registry.hpp"
#include "service/dependency_graph.hpp"
#include "service/desired_state.hpp"
#include "service/group_strategy.hpp"
#include "service/plan.hpp"
#include "service/rollout.hpp"

namespace sm {

/// A service with its instances: what is wanted beside what is.
class managed_service : public instance_owner {
 public:
  managed_service(class supervisor& s, desired_service desired)
      : supervisor_(s), desired_(std::move(desired)) {}

  const desired_service& desired() const noexcept { return desired_; }
  const service_spec& spec() const override { return desired_.spec; }
  const std::vector<std::unique_ptr<instance>>& instances() const noexcept { return instances_; }
  /// The name in a gather: the plain one when there is one instance only.
  std::string display_name(const instance& i) const {
    return desired_.spec.instances == 1 && i.index() == 0 ? desired_.spec.name : i.name();
  }
  bool rolling() const noexcept { return rollout_.has_value(); }
  /// Why the last rollout was rolled back; empty when it was not.
  const std::string& rollout_failure() const noexcept { return rollout_failure_; }
  bool ready() const;    ///< all wanted instances are
  bool at_rest() const;  ///< none has a process

  void on_changed(instance& i) override;
  void on_ended(instance& i, pid_t pid, const exit_status& status) override;
  void on_call(instance& i, wire::service_call call) override;
  caf::strong_actor_ptr find(const std::string& service) override;

 private:
  friend class supervisor;

  supervisor& supervisor_;
  desired_service desired_;
  std::vector<std::unique_ptr<instance>> instances_;  // by index, without holes
  struct active_rollout {
    rollout steps;
    std::uint64_t first_number = 0;           // a process of it, or of later, is a fresh one
    std::optional<service_spec> before;       // what is wanted again when it fails
    std::map<unsigned, unsigned> restarts{};  // of an instance, when it was told to start
  };
  std::optional<active_rollout> rollout_;
  std::string rollout_failure_;
  bool look_for_outdated_ = false;  // when all of an earlier manager's processes have come
  std::size_t turn_ = 0;            // whose turn it is to take a command
};

inline error no_such_service(const std::string& name) {
  return {errc::unknown_service, "there is no service called '" + name + "'", name};
}

template <class T>
promise<T> failed(errc code, std::string detail, std::string where = {}) {
  promise<T> p;
  p.set_error({code, std::move(detail), std::move(where)});
  return p;
}

/// How long a verb waits for the end state: not at all, or until a deadline.
struct wait_for {
  std::chrono::milliseconds timeout{0};
};

/// What who asks may have run: over TCP no programs, unless the settings allow it.
enum class may_run { no_programs, anything };

class supervisor {
 public:
  /// The type, the parameters it ran with, and the pid of a process that ended.
  using on_instance_ended = std::function<void(const std::string& type, const json& params, pid_t)>;

  supervisor(supervision& s, const registry& types, std::vector<group_spec> groups,
             on_instance_ended ended);
  ~supervisor();

  /// Takes up what an earlier manager left (`left`, rows of this boot) and starts what is wanted.
  /// A stored service that cannot run, of a type that the program has no more, say, is set aside
  /// and shown with the reason. Fails, starting nothing, when what the program itself declares does
  /// not fit, such as services that wait for each other in a circle.
  result<void> start(std::vector<desired_service> services,
                     const std::vector<journaled_instance>& left,
                     const std::vector<unreadable_row>& unreadable);

  // -- the desired state. Each answers when the change is journaled and, if asked, carried out.

  promise<json> add(json document, may_run programs);
  promise<json> patch(const std::string& name, const json& document, wait_for w, may_run programs);
  promise<json> remove(const std::string& name, wait_for w);
  promise<json> scale(const std::string& name, const json& instances, wait_for w);
  promise<json> start_service(const std::string& name, wait_for w);
  promise<json> stop_service(const std::string& name, wait_for w);
  promise<json> restart_service(const std::string& name, wait_for w);
  promise<json> reload_service(const std::string& name, wait_for w);
  promise<json> reset_service(const std::string& name);
  promise<json> signal_service(const std::string& name, const std::string& signal);

  // -- the desired state as a whole

  /// What is wanted, with what the program declares and somebody removed.
  std::vector<desired_service> desired() const;
  std::vector<group_spec> groups() const;
  void set_groups(const std::vector<group_spec>& groups);
  /// What keeps a plan from being carried out.
  std::vector<error> check(const service_plan& plan) const;
  /// Carries a plan out, each change journaled. The answer has a row for each; one that failed
  /// keeps no other from being tried.
  promise<json> carry_out(const service_plan& plan, wait_for w);

  // -- looking

  json list(std::string_view state, std::string_view query) const;
  result<json> show(const std::string& name) const;
  /// Whose logs `name`, a service or an instance, means.
  struct log_owners {
    std::vector<std::string> instances;
    bool program = false;
  };
  result<log_owners> logs_of(const std::string& name) const;
  /// Whether `f` holds for a wanted service; called for each until it does.
  bool any_of(const std::function<bool(const desired_service&)>& f) const;
  /// Everything that shall run is ready; `why_not` gets the services that are not.
  bool ready(std::string* why_not = nullptr) const;

  // -- commands

  promise<json_text> send(const std::string& to, const std::string& command,
                          const std::string& arguments, std::chrono::milliseconds timeout);
  promise<json_text> broadcast(const std::string& select, const std::string& command,
                               const std::string& arguments, std::chrono::milliseconds timeout);
  caf::strong_actor_ptr find(const std::string& service) const;

  // -- the end

  /// Stops all services, each after those that depend on it; calls `done` when nothing runs any
  /// more.
  void shutdown(std::function<void()> done);
  /// Kills what still runs.
  void hurry();

 private:
  friend class managed_service;
  using edit = std::function<result<desired_service>(const desired_service* present)>;
  using reached = std::function<bool(const managed_service*)>;

  struct change {
    std::string name;
    edit make;
    std::function<void(managed_service*)> then;  // after it was carried out
    reached end_state;
    wait_for wait;
    promise<json> done;
    bool goes_back = false;  // a rollout failed, and this undoes what it was for
  };
  struct waiting {
    std::uint64_t number = 0;
    std::string name;
    reached end_state;
    promise<json> done;
    std::unique_ptr<asio::steady_timer> timer;
  };

  promise<json> submit(change c);
  void next_change();
  void carry_out(change c, const desired_service& wanted);
  void answer(const change& c);
  void check_waiting(const std::string& name);
  json view(const managed_service& m, bool detailed) const;
  json present(const std::string& name) const;

  std::chrono::milliseconds call_timeout(std::chrono::milliseconds asked) const;
  static const instance* stand_in_of(const managed_service& m);
  managed_service* lookup(const std::string& name) const;
  result<void> check(const desired_service& wanted) const;
  void set_aside(const std::string& name, const error& why);
  json view_aside(const std::string& name, const std::string& why) const;
  void adopt(const journaled_instance& row);
  void reconcile(managed_service& m, const service_spec& before);
  void start_what_can();
  bool may_start(const managed_service& m) const;
  std::string waits_for(const managed_service& m) const;
  void say_doubts(const std::string& name) const;
  static std::vector<unsigned> all_instances(const managed_service& m);
  static std::vector<unsigned> outdated_instances(const managed_service& m);
  void roll_out(managed_service& m, std::vector<unsigned> outdated,
                std::optional<service_spec> before);
  void step_rollout(managed_service& m);
  void catch_up(managed_service& m);
  void end_rollout(managed_service& m);
  void roll_back(managed_service& m, const std::string& why, const service_spec& failed,
                 std::optional<service_spec> before);
  struct group_state {
    group_spec spec;
    std::deque<time_point> restarts{};
  };
  void on_member_restarted(managed_service& m, const instance& i);
  void fail_group(group_state& g, const std::string& why);
  void on_changed(managed_service& m, instance& i);
  void schedule_tidy();
  void tidy();
  void continue_shutdown();

  supervision& s_;
  const registry& types_;
  on_instance_ended ended_;
  std::map<std::string, std::unique_ptr<managed_service>, std::less<>> services_;
  std::map<std::string, std::string> aside_;  // stored services that cannot run, and why
  std::map<std::string, desired_service> removed_by_hand_;  // which the program declares
  dependency_graph order_;
  std::map<std::string, group_state, std::less<>> groups_;
  std::deque<change> changes_;
  bool changing_ = false;
  std::set<std::string, std::less<>> leaving_;  // what they leave is being removed
  std::uint64_t next_waiting_ = 1;
  std::list<waiting> waiting_;
  bool tidy_scheduled_ = false;
  std::function<void()> on_all_stopped_;
};

}  // namespace sm
