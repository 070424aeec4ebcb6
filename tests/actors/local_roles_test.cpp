// Users of the host on a Unix socket of everybody's: the kernel says who asks, the rules what he
// may.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "command.hpp"
#include "supervision_fixture.hpp"
#include "system/unique_fd.hpp"
#include "temporary_folder.hpp"

namespace sm::test {
namespace {

struct open_folder {
  open_folder() { ::chmod(folder.path().c_str(), 0755); }
  std::filesystem::path socket() const { return folder.path() / "smd.sock"; }

  temporary_folder folder;
};

class local_roles_fixture : private open_folder, public supervision_fixture {
 protected:
  local_roles_fixture()
      : supervision_fixture(
            {}, {"SM_HTTP__SOCKET=" + open_folder::socket().string(),
                 "SM_HTTP__SOCKET_ROLES=4001=viewer,@4002=operator,@4003=admin,4004=operator"}) {}

  std::string socket() const { return open_folder::socket().string(); }
  /// What curl gets as this user with these groups: the body and, on a line, the status.
  std::string ask_as(const std::string& user, const std::string& groups, const std::string& method,
                     const std::string& path) {
    auto asked = run_command({"setpriv", "--reuid", user, "--regid", user, "--groups", groups,
                              "curl", "-sS", "--max-time", "30", "--unix-socket", socket(), "-X",
                              method, "http://localhost" + path, "-w", "\n%{http_code}"});
    EXPECT_EQ(asked.code, 0) << asked.err;
    return asked.out;
  }
};

/// Listens with a full backlog, and takes nobody.
struct full_listener {
  explicit full_listener(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    auto* end = reinterpret_cast<const sockaddr*>(&address);
    fds.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fds[0].get(), end, sizeof address), 0);
    EXPECT_EQ(::listen(fds[0].get(), 0), 0);
    do fds.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    while (::connect(fds.back().get(), end, sizeof address) == 0);
  }
  std::vector<unique_fd> fds;
};

bool answers(const std::string& what, const std::string& status, const std::string& text = "") {
  return what.ends_with("\n" + status) && what.find(text) != what.npos;
}

}  // namespace

TEST_F(local_roles_fixture, each_user_may_what_its_rule_or_those_of_its_groups_say) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  auto viewer = ask_as("4001", "4002", "GET", "/v1/services/a");
  EXPECT_TRUE(answers(viewer, "200", "\"RUNNING\"")) << viewer;
  auto stop = ask_as("4001", "4002", "POST", "/v1/services/a/stop");
  EXPECT_TRUE(answers(stop, "403", "uid 4001 has the role viewer, this takes operator")) << stop;
  auto member = ask_as("4009", "4002,4008", "POST", "/v1/services/a/restart?wait=10s");
  EXPECT_TRUE(answers(member, "200")) << member;
  auto removes = ask_as("4009", "4002,4008", "DELETE", "/v1/services/b");
  EXPECT_TRUE(answers(removes, "403", "takes admin")) << removes;
  auto signs_in = ask_as("4003", "4008", "POST", "/v1/sign-ins");
  EXPECT_TRUE(answers(signs_in, "403", "a browser signs in by a token")) << signs_in;
  auto main_group = ask_as("4003", "4008", "DELETE", "/v1/services/b?wait=10s");
  EXPECT_TRUE(answers(main_group, "200")) << main_group;
  EXPECT_NE(text_of(app.state() / "log" / "audit.log").find("\"by\":\"uid 4001, pid "),
            std::string::npos);
}

TEST_F(local_roles_fixture, who_has_no_role_learns_that_somebody_is_alive) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  for (auto* path : {"/v1/services", "/metrics", "/", "/api/index", "/readyz?verbose=1", "/none"}) {
    auto answer = ask_as("4009", "4008", "GET", path);
    EXPECT_TRUE(answers(answer, "403", "uid 4009 has no role here")) << path << answer;
  }
  EXPECT_TRUE(answers(ask_as("4009", "4008", "GET", "/healthz"), "200"));
}

TEST_F(local_roles_fixture, the_managers_own_user_may_all_and_the_socket_comes_back) {
  auto ask = [&] {
    return run_command({"curl", "-sS", "--max-time", "30", "--unix-socket", socket(), "-X",
                        "DELETE", "http://localhost/v1/services/b?wait=10s"});
  };
  std::filesystem::remove(socket());
  EXPECT_TRUE(eventually([&] { return ask().code == 0; }));
  EXPECT_EQ(app.api("GET", "/v1/services/b").status, 404);
}

TEST(local_roles, what_else_is_at_the_path_stays_there) {
  open_folder place;
  auto start = [&] {
    temporary_folder state;
    return run_command({TEST_PROGRAM, "--state", state.path().string()}, "",
                       {"SM_HTTP__LISTEN=", "SM_HTTP__SOCKET=" + place.socket().string()});
  };
  std::ofstream(place.socket()) << "of somebody";
  auto refused = start();
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.err.find("is no socket"), std::string::npos) << refused.err;
  EXPECT_TRUE(std::filesystem::is_regular_file(place.socket()));
  std::filesystem::remove(place.socket());
  program other(TEST_PROGRAM, {}, {"SM_HTTP__SOCKET=" + place.socket().string()});
  refused = start();
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.err.find("somebody else does"), std::string::npos) << refused.err;
  EXPECT_EQ(run_command({"curl", "-sS", "--unix-socket", place.socket().string(),
                         "http://localhost/healthz"})
                .code,
            0);
  // What a killed one leaves is in nobody's way.
  other.signal(SIGKILL);
  other.wait();
  other.start();
  EXPECT_TRUE(eventually([&] { return other.all_ready(); }));
}

TEST(local_roles, a_place_where_no_socket_can_be_keeps_the_next_manager_from_coming) {
  open_folder place;
  auto file = place.folder.path() / "smd.toml";
  auto write = [&](const std::string& socket) {
    std::ofstream(file) << "[http]\nlisten = \"\"\nsocket = \"" << socket
                        << "\"\nsocket_roles = [\"4001=viewer\", \"nobody-of-that-name=admin\"]\n";
  };
  auto ask = [](const std::filesystem::path& socket) {
    return run_command({"curl", "-sS", "--max-time", "10", "--unix-socket", socket.string(),
                        "http://localhost/healthz"})
        .code;
  };
  write(place.socket().string());
  program app(SMD, {"--config", file.string()});
  EXPECT_NE(app.log_of("manager").find("there is no user 'nobody-of-that-name'"),
            std::string::npos);
  write((place.folder.path() / "none" / "smd.sock").string());
  auto refused = app.api("POST", "/v1/daemon/reexec");
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_NE(refused.body.find("no socket can be made there"), std::string::npos) << refused.body;
  EXPECT_EQ(ask(place.socket()), 0) << "it goes on";
  auto moved = place.folder.path() / "other.sock";
  write(moved.string());
  auto taken = app.api("POST", "/v1/daemon/reexec");
  EXPECT_EQ(taken.status, 202) << taken.body;
  EXPECT_TRUE(eventually([&] { return ask(moved) == 0; }));
  EXPECT_FALSE(std::filesystem::exists(place.socket()));
}

TEST(local_roles, somebody_who_does_not_take_connections_is_there_all_the_same) {
  open_folder place;
  full_listener busy(place.socket());
  temporary_folder state;
  auto refused = run_command({TEST_PROGRAM, "--state", state.path().string()}, "",
                             {"SM_HTTP__LISTEN=", "SM_HTTP__SOCKET=" + place.socket().string()});
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.err.find("somebody else does"), std::string::npos) << refused.err;
}

TEST(local_roles, a_rule_that_is_none_is_told_before_anything_starts) {
  temporary_folder folder;
  auto file = folder.path() / "smd.toml";
  std::ofstream(file) << "[http]\nsocket = \"/run/x.sock\"\nsocket_roles = [\"alice=root\"]\n";
  auto checked = run_command({SMD, "--config", file.string(), "--check"});
  EXPECT_NE(checked.code, 0);
  EXPECT_NE(checked.err.find("smd.toml:3:"), std::string::npos) << checked.err;
  EXPECT_NE(checked.err.find("'alice=root' ends with no role"), std::string::npos) << checked.err;
}

}  // namespace sm::test
