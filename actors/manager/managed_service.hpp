// A service with its instances: what is wanted beside what is. Makes the instances fit the
// specification and replaces them by rollouts. Runs in the loop alone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manager/instance.hpp"
#include "service/change.hpp"
#include "service/reconcile.hpp"
#include "service/rollout.hpp"

namespace sm {

class managed_service;

/// What a service tells whoever keeps it.
class service_owner {
 public:
  virtual ~service_owner() = default;
  /// The state of `i` is another one than before; `restarted`: by its policy.
  virtual void on_changed(managed_service& m, instance& i, bool restarted) = 0;
  virtual void on_process_ended(const managed_service& m, const instance& i, pid_t pid) = 0;
  virtual void on_call(instance& i, wire::service_call call) = 0;
  virtual caf::strong_actor_ptr find(const std::string& service) = 0;
  virtual void on_rollout_over(managed_service& m) = 0;
  /// The rollout failed, and what it was for shall be undone.
  virtual void on_rolled_back(undo_rollout undo) = 0;
};

class managed_service : public instance_owner {
 public:
  /// With its instances, none of which is started yet.
  managed_service(supervision& s, service_owner& owner, desired_service desired);

  const desired_service& desired() const noexcept { return desired_; }
  const service_spec& spec() const override { return desired_.spec; }
  const std::vector<std::unique_ptr<instance>>& instances() const noexcept { return instances_; }
  /// The name in a gather: the plain one when there is one instance only.
  std::string display_name(const instance& i) const {
    return desired_.spec.instances == 1 && i.index() == 0 ? desired_.spec.name : i.name();
  }
  const service_tally& counted() const noexcept { return counted_; }
  bool rolling() const noexcept { return rollout_.has_value(); }
  /// What is wanted again when the rollout that is under way fails; null when nothing is.
  const service_spec* goes_back_to() const noexcept {
    return rollout_ && rollout_->before ? &*rollout_->before : nullptr;
  }
  /// Why the last rollout was rolled back; empty when it was not.
  const std::string& rollout_failure() const noexcept { return rollout_failure_; }
  bool ready() const;    ///< all wanted instances are
  bool at_rest() const;  ///< none has a process
  /// Each wanted instance runs, or has ended well and is left so by its policy.
  bool settled() const;
  bool waits() const;  ///< an instance shall start in its turn
  /// An instance of an earlier manager that has not come yet; null when all have.
  const instance* awaited() const;
  service_progress progress() const;

  /// The change is journaled, and this is what is wanted from now on: makes the instances fit it,
  /// and does what else the change asks of them.
  void become(desired_service wanted, const desired_change& why);
  void heed(occasion what, const std::string& why = {});
  /// Takes up what an earlier manager left, be it wanted still or not.
  void adopt(const journaled_instance& row, unsigned index);

  // -- rollouts

  /// Goes on with what is under way. `look_for_outdated` once at first: those that an earlier
  /// manager started otherwise than is wanted.
  void step();
  void look_for_outdated() { look_for_outdated_ = desired_.enabled; }
  void end_rollout();

  /// Forgets the instances that leave and are at rest.
  void drop_left();

  /// Whose turn it is to take a command.
  instance& next_in_turn() { return *instances_[turn_++ % instances_.size()]; }

 private:
  void on_changed(instance& i, bool restarted) override { owner_.on_changed(*this, i, restarted); }
  void on_ended(instance& i, pid_t pid) override { owner_.on_process_ended(*this, i, pid); }
  void on_call(instance& i, wire::service_call call) override {
    owner_.on_call(i, std::move(call));
  }
  caf::strong_actor_ptr find(const std::string& service) override { return owner_.find(service); }
  service_tally& tally() override { return counted_; }

  instance& add_instance(duty does);
  void fit(const service_spec& before);
  void follow(const desired_change& c);
  std::vector<unsigned> serving() const;
  std::vector<unsigned> outdated() const;
  void roll_out(std::vector<unsigned> outdated, std::optional<service_spec> before);
  void catch_up();
  void step_rollout();
  void roll_back(const std::string& why, const service_spec& failed,
                 std::optional<service_spec> before);
  std::vector<slot_view> slots() const;

  supervision& s_;
  service_owner& owner_;
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
  std::size_t turn_ = 0;
  service_tally counted_;
};

/// All services, by name.
using service_table = std::map<std::string, std::unique_ptr<managed_service>, std::less<>>;

managed_service* find_service(const service_table& services, std::string_view name);

}  // namespace sm
