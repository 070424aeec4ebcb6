// Listening sockets: who wants them has them open, and nobody else.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class sockets_fixture : public supervision_fixture {
 protected:
  json web(const std::string& name, const std::string& address, json extra = json::object()) {
    json document{{"name", name},
                  {"command", {HTTP_PROGRAM}},
                  {"sockets", {address}},
                  {"ready", {{"kind", "notify"}}}};
    document.update(extra);
    return document;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  bool listens() const {
    unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }

  const int port_ = 10'000 + static_cast<int>(::getpid() % 20'000);
};

}  // namespace

TEST_F(sockets_fixture, a_deleted_services_port_is_closed_with_it) {
  ASSERT_EQ(add(web("web", address())).status, 201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  EXPECT_TRUE(listens());
  ASSERT_EQ(app.api("DELETE", "/v1/services/web?wait=10s").status, 200);
  EXPECT_FALSE(listens());
}

TEST_F(sockets_fixture, a_stopped_services_port_is_closed_and_its_start_binds_it_again) {
  ASSERT_EQ(add(web("web", address())).status, 201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  EXPECT_EQ(verb("web", "stop")["state"], "STOPPED");
  EXPECT_TRUE(eventually([&] { return !listens(); }));
  EXPECT_EQ(verb("web", "start")["state"], "RUNNING");
  EXPECT_TRUE(listens());
}

TEST_F(sockets_fixture, nobody_listens_for_what_ended_by_itself_or_cannot_start) {
  auto ended = web("web", address(), {{"command", {"true"}}, {"restart", "never"}});
  ended.erase("ready");
  ASSERT_EQ(add(ended).status, 201);
  ASSERT_TRUE(reaches("web", "EXITED"));
  EXPECT_TRUE(eventually([&] { return !listens(); }));
  ASSERT_EQ(app.api("DELETE", "/v1/services/web?wait=10s").status, 200);
  auto fails = web("fails", address(), quick_to_give_up);
  fails["command"] = {"false"};
  ASSERT_EQ(add(fails).status, 201);
  ASSERT_TRUE(reaches("fails", "FATAL"));
  EXPECT_TRUE(eventually([&] { return !listens(); }));
}

TEST_F(sockets_fixture, between_two_runs_who_connects_waits_for_the_next_one) {
  ASSERT_EQ(add(web("web", address(), {{"backoff", {{"min", "200ms"}, {"max", "200ms"}}}})).status,
            201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  for (int n = 0; n < 2; ++n) {  // the second restart has a pause before it
    auto pid = app.instance_pid("web");
    ::kill(pid, SIGKILL);
    EXPECT_EQ(http_connection(port_).request("GET", "/").status, 200);
    ASSERT_TRUE(eventually([&] { return app.service("web")["ready"] == true; }));
  }
  EXPECT_EQ(app.service("web")["restarts"], 2);
}

TEST_F(sockets_fixture, a_unix_socket_is_inherited_with_its_mode_and_removed_with_its_service) {
  auto path = (app.state() / "web.sock").string();
  ASSERT_EQ(add(web("web", path, {{"socket_mode", "0660"}})).status, 201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  EXPECT_EQ(http_connection(path).request("GET", "/").status, 200);
  struct stat s {};
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0660U);
  app.signal(SIGKILL);
  app.wait();
  app.start();
  ASSERT_TRUE(reaches("web", "RUNNING"));
  EXPECT_EQ(http_connection(path).request("GET", "/").status, 200);
  EXPECT_EQ(app.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(path)) << "a clean stop takes it along";
}

TEST_F(sockets_fixture, the_program_is_told_how_many_sockets_and_of_which_service) {
  auto file = app.state() / "told";
  json document{
      {"name", "told"},
      {"command",
       {"sh", "-c", "echo $LISTEN_FDS $LISTEN_FDNAMES > " + file.string() + "; exec sleep 1000"}},
      {"sockets", {address(), (app.state() / "told.sock").string()}}};
  ASSERT_EQ(add(document).status, 201);
  EXPECT_TRUE(eventually([&] { return text_of(file) == "2 told:told\n"; })) << text_of(file);
}

TEST_F(sockets_fixture, a_mistake_is_named) {
  auto where = [&](json extra) {
    return add(web("x", address(), std::move(extra))).document().value("where", "");
  };
  EXPECT_EQ(where({{"socket_mode", "rw"}}), "/socket_mode");
  EXPECT_EQ(where({{"sockets", {"localhost:80"}}}), "/sockets");
  EXPECT_EQ(where({{"sockets", {address(), address()}}}), "/sockets");
}

}  // namespace sm::test
