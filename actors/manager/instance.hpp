// One instance of a service: feeds its lifecycle with events and carries out what it says.
#pragma once

#include <csignal>
#include <memory>

#include "manager/supervision.hpp"
#include "process/build_id.hpp"
#include "process/process_tree.hpp"
#include "service/lifecycle.hpp"
#include "service/reconcile.hpp"
#include "telemetry/service_metrics.hpp"

namespace sm {

/// Whom an instance belongs to.
class instance_owner {
 public:
  virtual ~instance_owner() = default;
  virtual const service_spec& spec() const = 0;
  /// The state of `i` is another one than before; `restarted`: its policy started it again.
  virtual void on_changed(instance& i, bool restarted) = 0;
  /// Its process is gone.
  virtual void on_ended(instance& i, pid_t pid) = 0;
  /// Where is counted what happens to its processes.
  virtual service_tally& tally() = 0;
  virtual void on_call(instance& i, wire::service_call call) = 0;
  virtual caf::strong_actor_ptr find(const std::string& service) = 0;
};

class instance {
 public:
  instance(supervision& s, instance_owner& owner, unsigned index, duty does);
  ~instance();
  instance(const instance&) = delete;
  instance& operator=(const instance&) = delete;

  void handle(const lifecycle_event& event);
  /// Something happened to its service, which shall run when it is `enabled`. `why` is for who is
  /// condemned.
  void heed(occasion what, bool enabled, const std::string& why = {});
  duty does() const noexcept { return duty_; }

  unsigned index() const noexcept { return index_; }
  std::string name() const;  ///< "web:0"
  const lifecycle& life() const noexcept { return life_; }
  pid_t pid() const noexcept { return pid_; }
  /// The process people mean: a program's own one.
  pid_t main_pid() const noexcept {
    return program_.main_pid > 0 ? program_.main_pid : main_pid_ > 0 ? main_pid_ : pid_;
  }
  const wire::program_state& program() const noexcept { return program_; }
  /// An earlier manager started it, and it has not come yet.
  bool awaited() const noexcept { return found_ && pid_ > 0 && link_ == 0; }
  /// What the present process's executable calls itself, see build_of; "" until it is ready.
  const std::string& build() const noexcept { return executable_.build; }
  /// The next process would be made of another file than this one, as far as `files` tell.
  bool outdated(present_files& files) const;
  /// Its process executes what the kernel calls `link` now; another file is looked at anew.
  void follow_executable(const std::string& link);
  bool runs_program() const { return !started_spec_.command.empty(); }
  std::uint64_t incarnation() const noexcept { return incarnation_; }
  std::uint64_t link() const noexcept { return link_; }  ///< 0: none; the key for `calls`
  bool running() const noexcept { return life_.state == instance_state::running && life_.ready; }
  const std::vector<std::string>& commands() const noexcept { return commands_; }
  const caf::strong_actor_ptr& actor() const noexcept { return actor_; }

  /// What does not take a new process is heeded from now on.
  void on_spec_changed();
  /// An operator's signal, to the service's processes or to the program's.
  bool deliver_signal(int number);
  /// Sends a signal to the instance's process group; false when it has none.
  bool signal(int number) const {
    // A process that was forked just now may not lead its group yet.
    return pid_ > 0 && (signal_group(pid_, number) || ::kill(pid_, number) == 0);
  }

  /// It rests where its policy left it.
  bool gave_up_or_ended() const noexcept {
    return life_.state == instance_state::exited || life_.state == instance_state::fatal;
  }

  /// What the present process was started with, or the last one.
  const service_spec& started_spec() const noexcept { return started_spec_; }

  /// Answers the process's own commands to others.
  void reply(wire::reply_batch batch) const {
    if (service_) tell(service_, std::move(batch));
  }

  /// An earlier manager left this row behind: its process is waited for, or has ended.
  void found(const journaled_instance& row, bool wanted);
  /// It has ended under an earlier manager, and its policy left it so.
  void found_ended(const journaled_instance& row);

  // -- of its process
  void check_limits(std::uint64_t memory, unsigned tasks);
  void on_message(caf::mailbox_element& element);
  /// The greeting shows that it comes from the run that was journaled.
  bool proves_to_be(const json& greeting) const;
  result<std::function<void(unique_fd)>> on_greeting(const json& greeting);

 private:
  void take_up(duty d);
  void carry_out(const lifecycle_action& action);
  void spawn();
  void on_forked(result<pid_t> pid);
  void watch_process();
  void on_process_ended(const exit_status& status);
  void forget_process();
  void journal_end(instance_state before);
  void make_link(unique_fd ours);
  void on_hello(const wire::hello& h);
  void welcome_when_journaled();
  void drop_link(const std::string& why);
  void arm(std::chrono::milliseconds delay);
  std::chrono::milliseconds excused(std::chrono::milliseconds delay) const;
  void watch_for_hang();
  void look_again();
  bool is_traced();
  void look_up_build();

  supervision& s_;
  instance_owner& owner_;
  const unsigned index_;
  duty duty_;
  lifecycle life_;
  asio::steady_timer timer_;
  asio::steady_timer watchdog_;
  asio::steady_timer watch_again_;
  std::shared_ptr<int> watched_;  // as armed_, for the watchdog
  clock::time_point alive_at_{};  // its last sign of life
  std::shared_ptr<int> armed_;    // replaced or reset when what the timer was armed for has passed

  instance_state shown_ = instance_state::stopped;  // as others were told
  bool shown_ready_ = false;
  unsigned shown_restarts_ = 0;
  std::shared_ptr<int> tree_;  // as armed_, for what the last process left behind

  // of the present process
  pid_t pid_ = 0;
  std::uint64_t start_time_ = 0;  // of pid_
  pid_t tracer_ = 0;              // who was said to trace it
  pid_t main_pid_ = 0;
  wire::program_state program_;  // what it said of itself, if it runs one
  std::uint64_t incarnation_ = 0;
  std::string token_;
  asio::posix::stream_descriptor watch_;  // its pidfd
  std::uint64_t link_ = 0;
  std::uint16_t slot_ = 0;
  caf::strong_actor_ptr mailbox_;  // the instance actor: whom the process talks to
  caf::actor service_;             // who takes its commands
  caf::strong_actor_ptr actor_;    // whom other processes find
  std::vector<std::string> commands_;
  running_executable executable_;
  pid_t looked_up_ = 0;  // whose executable was asked for last
  service_spec started_spec_;
  bool unwatched_ = false;
  bool journaled_ = false;
  bool welcomed_ = false;
  bool found_ = false;
  bool said_goodbye_ = false;
  int signal_when_forked_ = 0;
};

}  // namespace sm
