// Keeps the services as the user wants them: takes changes of the desired state, has them
// journaled, and makes the instances follow, each in its turn. Runs in the loop alone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sm/manager.hpp>

#include "manager/change_queue.hpp"
#include "manager/dispatch.hpp"
#include "manager/end_state_waits.hpp"
#include "manager/groups.hpp"
#include "manager/managed_service.hpp"
#include "manager/supervision.hpp"
#include "process/registry.hpp"
#include "service/dependency_graph.hpp"
#include "service/plan.hpp"
#include "service/service_members.hpp"

namespace sm {

class json_writer;

class supervisor : private service_owner, private change_queue::executor {
 public:
  /// The type, the parameters it ran with, and the pid of a process that ended.
  using on_instance_ended = std::function<void(const std::string& type, const json& params, pid_t)>;

  supervisor(supervision& s, const registry& types, const std::vector<group_spec>& groups,
             on_instance_ended ended);
  ~supervisor() override;

  /// Takes up what an earlier manager left (`left`, rows of this boot) and starts what is wanted.
  /// A stored service that cannot run, of a type that the program has no more, say, is set aside
  /// and shown with the reason. Fails, starting nothing, when what the program itself declares does
  /// not fit, such as services that wait for each other in a circle.
  result<void> start(std::vector<desired_service> services,
                     const std::vector<journaled_instance>& left,
                     const std::vector<unreadable_row>& unreadable);

  /// Answers when the change is journaled and, with `w`, once its goal is reached.
  promise<json> change_service(desired_change c, wait_for w = {}, principal by = {}) {
    return changes_.submit(std::move(c), w, std::move(by));
  }
  promise<json> signal_service(const std::string& name, const std::string& signal,
                               const principal& by = {});

  // -- the desired state as a whole

  /// What is wanted, with what the program declares and somebody removed.
  std::vector<desired_service> desired() const;
  std::vector<group_spec> groups() const { return groups_.specs(); }
  void set_groups(const std::vector<group_spec>& groups) { groups_.set(groups); }
  /// What keeps a plan from being carried out.
  std::vector<error> check(const service_plan& plan) const;
  /// Carries a plan out, each change journaled. The answer has a row for each; one that failed
  /// keeps no other from being tried.
  promise<json> carry_out(const service_plan& plan, wait_for w, const principal& by = {});

  // -- looking

  /// Which services, and what of each.
  struct listing_query {
    std::string state{};  ///< those in it alone
    std::string name{};   ///< a glob, or a part of the name
    chosen_members members{};
    std::size_t offset = 0;  ///< of those that are wanted, to pass over
    std::size_t limit = 0;   ///< at most; 0: all
    std::string scope{};     ///< those that who asks may see (service_scope.hpp)
  };
  /// What the processes use is at most a second old.
  promise<json_text> list(const listing_query& wanted) const;
  result<json> show(const std::string& name) const;
  /// What collectors are told of the services; what their processes use likewise.
  promise<std::vector<service_figures>> figures() const;
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

  /// Takes commands to services.
  const dispatch& commands() const noexcept { return commands_; }

  // -- the end

  /// Stops all services, each after those that depend on it; calls `done` when nothing runs any
  /// more.
  void shutdown(std::function<void()> done);
  /// Kills what still runs.
  void hurry();

 private:
  // -- what a service tells
  void on_changed(managed_service& m, instance& i, bool restarted) override;
  void on_process_ended(const managed_service& m, const instance& i, pid_t pid) override;
  void on_call(instance& i, wire::service_call c) override;
  caf::strong_actor_ptr find(const std::string& service) override;
  void on_rollout_over(managed_service& m) override;
  void on_rolled_back(undo_rollout undo) override;

  // -- changes
  result<desired_service> decide(const desired_change& c) override;
  bool is_present(const desired_service& wanted) const override;
  void undecide(const std::string& service) override;
  void carry_out(asked_change c, const desired_service& wanted) override;
  result<void> check(const desired_service& wanted) const;

  managed_service* lookup(std::string_view name) const { return find_service(services_, name); }
  std::optional<service_progress> progress_of(const std::string& name) const;
  void check_waiting(const std::string& name);
  /// `listed`: what of it a listing shows; null to show it in detail.
  void write_view(json_writer& out, const managed_service& m, const chosen_members* listed,
                  present_files& files) const;
  json view(const managed_service& m) const;
  json present(const std::string& name) const;
  void say_doubts(const std::string& name) const;
  void set_aside(const std::string& name, const error& why);
  void with_usage(std::function<void()> then) const;
  std::vector<service_figures> figures_now() const;
  json_text view_all(const listing_query& wanted) const;
  json view_aside(const std::string& name, const std::string& why) const;
  std::unique_ptr<managed_service> make_service(desired_service wanted);
  void adopt(const journaled_instance& row);

  // -- order
  std::string waits_for(const managed_service& m) const;
  void start_what_can();
  void touch(const std::string& name);
  void tidy();
  void forget_what_left(const std::string& name);
  void close_unused_sockets();
  void continue_shutdown();

  supervision& s_;
  const registry& types_;
  on_instance_ended ended_;
  service_table services_;
  std::map<std::string, std::string> aside_;  // stored services that cannot run, and why
  std::map<std::string, desired_service> removed_by_hand_;  // which the program declares
  dependency_graph order_;
  sm::groups groups_;
  dispatch commands_;
  change_queue changes_;
  end_state_waits waits_;
  std::set<std::string, std::less<>> touched_;  // to be looked at when the turn's work is done
  std::function<void()> on_all_stopped_;
};

}  // namespace sm
