#include "manager/adoption.hpp"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "fake_manager.hpp"
#include "process/proc_stat.hpp"

namespace sm {
namespace {

using test::fake_manager;

/// A process of its own that does nothing.
class idle_process {
 public:
  idle_process() : pid_(::fork()) {
    if (pid_ == 0)
      for (;;) ::pause();
  }
  ~idle_process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_;
};

class adoption_fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    journaled_instance row{.name = "web:0",
                           .pid = left.pid(),
                           .start_time = process_start_time(left.pid()),
                           .incarnation = 7,
                           .boot = boot_id(),
                           .token = "token",
                           .restarts = 3,
                           .spec = fake_manager::wanted("web").spec};
    ASSERT_TRUE(m.services.start({fake_manager::wanted("web")}, {row}, {}));
  }

  /// What the process says, but for `field`; who takes its link.
  result<std::function<void(unique_fd)>> dial(const char* field, const json& value,
                                              pid_t from = 0) {
    received_greeting greeting;
    greeting.document = {{"role", "service"}, {"instance", "web:0"},
                         {"incarnation", 7},  {"token", "token"},
                         {"phase", "ready"},  {"version", wire::protocol_version}};
    greeting.document[field] = value;
    peer who{};
    who.pid = from == 0 ? left.pid() : from;
    return m.shared.adoption.on_greeting(greeting, who);
  }
  /// The outcome of that greeting.
  result<void> greet(const char* field = "role", const json& value = "service", pid_t from = 0) {
    return dial(field, value, from).map([](const auto&) {});
  }

  idle_process left;
  fake_manager m;
};

}  // namespace

TEST_F(adoption_fixture, the_run_that_was_journaled_is_taken) { EXPECT_TRUE(greet()); }

TEST_F(adoption_fixture, one_whose_link_broke_before_its_first_word_is_taken_again) {
  std::array<int, 2> link{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link.data()), 0);
  unique_fd theirs(link[1]);
  auto taken = dial("role", "service");
  ASSERT_TRUE(taken);
  (*taken)(unique_fd(link[0]));
  EXPECT_EQ(m.services.show("web").value()["state"], "RUNNING");
  EXPECT_TRUE(greet());
  EXPECT_EQ(greet("token", "guessed").error().code, errc::conflict);
}

TEST(ended_instances, are_taken_up_as_far_as_the_same_is_wanted_still) {
  auto ended = [](const std::string& name) {
    journaled_instance row{.name = name + ":0", .incarnation = 7, .boot = boot_id(), .restarts = 3};
    row.spec = fake_manager::wanted(name).spec;
    row.end = instance_end{exited_with{3}, true, "exit code 3"};
    return row;
  };
  fake_manager m;
  auto changed = fake_manager::wanted("changed");
  changed.spec.params = {{"x", 1}};
  auto off = fake_manager::wanted("off");
  off.enabled = false;
  auto same = fake_manager::wanted("same"), stricter = fake_manager::wanted("stricter"),
       always = fake_manager::wanted("always");
  same.spec.restart = restart_policy::never;
  stricter.spec.restart = restart_policy::on_failure;
  ASSERT_TRUE(m.services.start({same, changed, off, stricter, always},
                               {ended("same"), ended("changed"), ended("off"), ended("gone"),
                                ended("stricter"), ended("always")},
                               {}));
  for (auto* name : {"changed:0", "stricter:0", "always:0"})
    EXPECT_TRUE(test::turn_until(m.events, [&] { return m.started(name) == 1; })) << name;
  EXPECT_EQ(m.started("same:0"), 0);
  auto shown = m.services.show("same").value();
  EXPECT_EQ(shown["state"], "EXITED");
  EXPECT_EQ(shown["last_exit"], "exit code 3");
  EXPECT_EQ(shown["reason"], "exit code 3");
  EXPECT_EQ(shown["restarts"], 3);
  EXPECT_FALSE(shown.contains("done")) << "that is a failure";
  EXPECT_EQ(m.services.show("off").value()["state"], "STOPPED");
  EXPECT_FALSE(m.services.show("gone"));
}

TEST_F(adoption_fixture, nothing_is_started_while_it_has_not_come) {
  EXPECT_TRUE(m.processes.requests.empty());
  auto shown = m.services.show("web").value();
  EXPECT_EQ(shown["state"], "STARTING");
  EXPECT_EQ(shown["restarts"], 3);
}

TEST_F(adoption_fixture, whoever_cannot_prove_to_be_it_is_refused) {
  EXPECT_EQ(greet("token", "guessed").error().code, errc::conflict);
  EXPECT_EQ(greet("incarnation", 6).error().code, errc::conflict);
  EXPECT_EQ(greet("instance", "web:1").error().code, errc::conflict);
  EXPECT_EQ(greet("version", wire::protocol_version + 1).error().code, errc::conflict);
  EXPECT_EQ(greet("role", "service", ::getpid()).error().code, errc::conflict) << "another pid";
  EXPECT_EQ(greet("role", "nobody").error().code, errc::conflict);
}

TEST_F(adoption_fixture, a_fork_server_shows_the_secret_and_what_no_journal_knows_of_it_is_ended) {
  received_greeting greeting;
  greeting.document = {{"role", "forks"}, {"token", "guessed"}, {"children", {left.pid(), 4711}}};
  EXPECT_EQ(m.shared.adoption.on_greeting(greeting, {}).error().code, errc::conflict);
  greeting.document["token"] = "secret of the forks";
  EXPECT_EQ(m.shared.adoption.on_greeting(greeting, {}).error().code, errc::bad_request)
      << "without its channel";
  greeting.passed.emplace_back(::dup(0));
  auto taken = m.shared.adoption.on_greeting(greeting, {});
  ASSERT_TRUE(taken);
  (*taken)(unique_fd{});
  EXPECT_EQ(m.processes.adopted, (std::set<pid_t>{left.pid(), 4711}));
  EXPECT_EQ(m.processes.forgotten, std::set<pid_t>{4711});
}

}  // namespace sm
