// Rolling reload with the sockets handed over, and groups that are restarted together.
#include <unistd.h>

#include <atomic>
#include <thread>

#include <sm/queue.hpp>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class reload_fixture : public supervision_fixture {
 protected:
  json web(unsigned instances) {
    return {{"name", "web"},
            {"command", {HTTP_PROGRAM}},
            {"instances", instances},
            {"sockets", {"127.0.0.1:" + std::to_string(port_)}},
            {"ready", {{"kind", "notify"}}},
            {"start_timeout", "10s"},
            {"backoff", {{"min", "50ms"}, {"max", "50ms"}}}};
  }
  std::set<pid_t> pids() {
    std::set<pid_t> all;
    auto shown = app.service("web");
    for (auto& row : shown["instance_list"])
      if (row["pid"].is_number()) all.insert(row["pid"].get<pid_t>());
    return all;
  }

  /// Asks all the time, by kept and by new connections, until the end of the block.
  class load {
   public:
    explicit load(int port) {
      for (int n = 0; n < 8; ++n)
        threads_.emplace_back([this, port, keep = n % 2 == 0] {
          std::optional<http_connection> c;
          while (!over_) {
            try {
              if (!c) c.emplace(port);
              auto reply = c->request("GET", "/");
              ++(reply.status == 200 ? answered : failed);
              if (!keep || reply.headers.contains("connection")) c.reset();
            } catch (const std::exception& e) {
              ++failed;
              c.reset();
            }
          }
        });
    }
    ~load() { end(); }
    void end() {
      over_ = true;
      for (auto& t : threads_)
        if (t.joinable()) t.join();
    }
    std::atomic<int> answered{0}, failed{0};

   private:
    std::atomic<bool> over_{false};
    std::vector<std::thread> threads_;
  };

  // Below the ports that connections take for their own end.
  const int port_ = 10'000 + static_cast<int>(::getpid() % 20'000);
};

/// The services "one" and "two" (after "one") of group "g", and "other" of none.
class group_fixture : public supervision_fixture {
 protected:
  explicit group_fixture(const std::string& strategy = "one_for_all")
      : supervision_fixture({}, {"TEST_GROUP=" + strategy}) {
    EXPECT_EQ(add(tool_named("one", json::object(), {{"group", "g"}})).status, 201);
    EXPECT_EQ(add(tool_named("two", json::object(), {{"group", "g"}, {"after", {"one"}}})).status,
              201);
    EXPECT_EQ(add(tool_named("other")).status, 201);
    EXPECT_TRUE(eventually([&] { return app.all_ready(); }));
  }
  std::array<pid_t, 3> all() {
    return {app.instance_pid("one"), app.instance_pid("two"), app.instance_pid("other")};
  }
};

class rest_fixture : public group_fixture {
 protected:
  rest_fixture() : group_fixture("rest_for_one") {}
};

}  // namespace

TEST_F(reload_fixture, a_reload_under_load_replaces_every_instance_and_fails_no_request) {
  ASSERT_EQ(add(web(4)).status, 201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto before = pids();
  ASSERT_EQ(before.size(), 4U);
  load clients(port_);
  ASSERT_TRUE(eventually([&] { return clients.answered > 100; }));
  for (auto* body : {"", R"({"reload": {"batch": 3}})"}) {
    if (*body) {
      EXPECT_EQ(app.api("PATCH", "/v1/services/web", body).status, 200);
    }
    auto shown = verb("web", "reload");
    EXPECT_EQ(shown["instances"]["ready"], 4) << shown;
    auto after = pids();
    for (auto pid : after) EXPECT_FALSE(before.contains(pid));
    before = after;
  }
  clients.end();
  EXPECT_EQ(clients.failed, 0) << "of " << clients.answered;
}

TEST_F(reload_fixture, a_new_version_that_does_not_become_ready_is_rolled_back) {
  ASSERT_EQ(add(web(2)).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto before = pids();
  load clients(port_);
  auto patched =
      app.api("PATCH", "/v1/services/web?wait=15s",
              json{{"command", {HTTP_PROGRAM, "--never-ready"}}, {"start_timeout", "1s"}}.dump());
  EXPECT_EQ(patched.status, 409) << patched.body;
  EXPECT_NE(patched.body.find("rolled back"), std::string::npos) << patched.body;
  clients.end();
  EXPECT_EQ(clients.failed, 0) << "of " << clients.answered;
  ASSERT_TRUE(eventually([&] { return app.service("web")["instance_list"].size() == 2; }));
  EXPECT_EQ(pids(), before) << "the old ones are untouched";
  EXPECT_EQ(app.service("web")["spec"]["command"], json::array({HTTP_PROGRAM}));
  EXPECT_EQ(app.stop(), 0);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); })) << "and kept so";
}

TEST_F(reload_fixture, the_sockets_outlive_the_manager_and_serve_new_instances) {
  ASSERT_EQ(add(web(2)).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto before = pids();
  load clients(port_);
  ASSERT_TRUE(eventually([&] { return clients.answered > 20; }));
  app.signal(SIGKILL);
  app.wait();
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(pids(), before);
  EXPECT_EQ(verb("web", "scale", R"({"instances": 3})")["instances"]["ready"], 3);
  EXPECT_EQ(verb("web", "reload")["instances"]["ready"], 3);
  clients.end();
  EXPECT_EQ(clients.failed, 0) << "of " << clients.answered;
}

TEST_F(reload_fixture, a_manager_killed_in_the_middle_of_a_reload_costs_no_request) {
  ASSERT_EQ(add(web(2)).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  load clients(port_);
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(eventually([&, n = clients.answered + 20] { return clients.answered > n; }));
    app.api("POST", "/v1/services/web/reload");
    // Not always at the same point of it.
    ASSERT_TRUE(eventually(
        [&] { return app.service("web")["instance_list"].size() == (round % 2 == 0 ? 3U : 2U); }));
    app.signal(SIGKILL);
    app.wait();
    app.start();
    ASSERT_TRUE(eventually(
        [&] { return app.all_ready() && app.service("web")["instance_list"].size() == 2; }));
  }
  clients.end();
  EXPECT_EQ(clients.failed, 0) << "of " << clients.answered;
}

TEST_F(reload_fixture, twenty_kills_of_the_manager_in_a_row_under_load_cost_nothing) {
  auto life = app.state() / "life", notes = app.state() / "notes";
  std::filesystem::create_directory(life);
  ASSERT_EQ(add(web(2)).status, 201);
  ASSERT_EQ(add(tool_named("beat", {{"life", life.string()}})).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  std::map<std::string, pid_t> before;
  for (auto* name : {"a", "b", "beat", "web", "consumer.default"})
    before[name] = app.instance_pid(name);
  load clients(port_);
  queue jobs("sqlite:" + (app.state() / "queue.db").string());
  std::set<int> acknowledged;
  auto slowest = std::chrono::milliseconds{0};
  for (int round = 0; round < 20; ++round) {
    for (int n = 0; n < 5; ++n)
      if (jobs.enqueue("Note",
                       json{{"file", notes.string()}, {"number", round * 5 + n}, {"mood", ""}})
              .wait_for(5s))
        acknowledged.insert(round * 5 + n);
    app.signal(SIGKILL);
    app.wait();
    auto size = std::filesystem::file_size(life / "beat:0");
    EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(life / "beat:0") > size; }))
        << "it goes on without a manager";
    auto start = std::chrono::steady_clock::now();
    app.start();
    ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
    slowest = std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - start));
    for (auto& [name, pid] : before) EXPECT_EQ(app.instance_pid(name), pid) << name;
  }
  clients.end();
  std::printf("slowest of 20 adoptions, with the start of the manager: %lld ms\n",
              static_cast<long long>(slowest.count()));
  EXPECT_EQ(clients.failed, 0) << "of " << clients.answered;
  std::istringstream beats(text_of(life / "beat:0"));
  std::set<std::string> lives;
  for (std::string line; std::getline(beats, line);) lives.insert(line);
  EXPECT_EQ(lives.size(), 1U);
  EXPECT_TRUE(eventually([&] {
    std::istringstream lines(text_of(notes));
    std::set<int> done;
    for (int number; lines >> number;) done.insert(number);
    return done == acknowledged;
  }));
  EXPECT_EQ(acknowledged.size(), 100U);
}

TEST_F(reload_fixture, a_changed_program_is_rolled_back_to_the_first_one_after_a_change_between) {
  ASSERT_EQ(add(web(2)).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(
      app.api("PATCH", "/v1/services/web",
              json{{"command", {HTTP_PROGRAM, "--never-ready"}}, {"start_timeout", "1s"}}.dump())
          .status,
      200);
  EXPECT_EQ(app.api("PATCH", "/v1/services/web?wait=15s", R"({"instances": 3})").status, 409);
  ASSERT_TRUE(eventually([&] {
    auto shown = app.service("web");
    return shown["spec"]["command"] == json::array({HTTP_PROGRAM}) &&
           shown["instances"]["ready"] == 3 && shown["instance_list"].size() == 3;
  })) << app.service("web");
}

TEST_F(reload_fixture, a_reload_of_a_service_that_answers_commands_loses_none) {
  ASSERT_EQ(verb("a", "scale", R"({"instances": 2})")["instances"]["ready"], 2);
  std::atomic<bool> over{false};
  std::atomic<int> failed{0}, answered{0};
  std::thread asking([&] {
    while (!over) {
      auto reply = app.api("POST", "/v1/services/a/commands/pid");
      ++(reply.status == 200 ? answered : failed);
    }
  });
  EXPECT_EQ(verb("a", "reload")["instances"]["ready"], 2);
  over = true;
  asking.join();
  EXPECT_EQ(failed, 0) << "of " << answered;
}

TEST_F(reload_fixture, a_socket_that_is_taken_is_said_and_tried_again) {
  ASSERT_EQ(add(web(1)).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto rival = web(1);
  rival["name"] = "rival";
  rival["sockets"] = {"127.0.0.1:" + std::to_string(app.port())};
  ASSERT_EQ(add(rival).status, 201);
  ASSERT_TRUE(eventually([&] {
    auto shown = app.service("rival");
    return shown["reason"].is_string() &&
           shown["reason"].get<std::string>().find("Address already in use") != std::string::npos;
  }));
}

TEST_F(group_fixture, one_for_all_restarts_the_whole_group) {
  auto before = all();
  ::kill(before[1], SIGKILL);
  ASSERT_TRUE(eventually([&] {
    auto now = all();
    return now[0] != before[0] && now[1] != before[1] && app.all_ready();
  }));
  EXPECT_EQ(all()[2], before[2]);
}

TEST_F(group_fixture, a_group_whose_members_restart_too_often_fails_as_a_whole) {
  // The test program allows two restarts.
  for (int n = 0; n < 3; ++n) {
    auto pid = app.instance_pid("one");
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(eventually([&] { return app.instance_pid("one") != pid; }));
    if (n < 2) {
      ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
    }
  }
  for (auto* name : {"one", "two"}) {
    ASSERT_TRUE(reaches(name, "FATAL"));
    EXPECT_NE(app.service(name)["reason"].get<std::string>().find("group g failed"),
              std::string::npos);
  }
  EXPECT_EQ(app.service("other")["state"], "RUNNING");
  EXPECT_EQ(verb("two", "start")["state"], "RUNNING");
}

TEST_F(group_fixture, a_member_that_gives_up_takes_its_group_along) {
  auto bad = quick_to_give_up;
  bad["group"] = "g";
  bad["intensity"]["restarts"] = 0;
  ASSERT_EQ(add(tool_named("bad", {{"fail", true}}, bad)).status, 201);
  for (auto* name : {"bad", "one", "two"}) EXPECT_TRUE(reaches(name, "FATAL")) << name;
}

TEST_F(rest_fixture, rest_for_one_restarts_those_that_start_after_it) {
  auto before = all();
  ::kill(before[1], SIGKILL);
  ASSERT_TRUE(eventually([&] { return all()[1] != before[1] && app.all_ready(); }));
  EXPECT_EQ(all()[0], before[0]) << "it starts before the one that failed";
  before = all();
  ::kill(before[0], SIGKILL);
  ASSERT_TRUE(eventually([&] {
    auto now = all();
    return now[0] != before[0] && now[1] != before[1] && app.all_ready();
  }));
  EXPECT_EQ(all()[2], before[2]);
}

}  // namespace sm::test
