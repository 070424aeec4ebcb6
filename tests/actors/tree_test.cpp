// No run of an instance begins before all of the last one is gone.
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class tree_fixture : public supervision_fixture {
 protected:
  /// As nginx and PostgreSQL are: a master binds the port, and workers, deaf to what stops their
  /// master and in sessions of their own if asked, keep it open. Who cannot bind ends with 98, who
  /// finds a worker of another run says so.
  json prefork(const std::string& name, bool sessions, json extra = json::object()) {
    json document{{"name", name},
                  {"command", json::array({"python3", "-u", "-c", R"(
import os, signal, socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(('127.0.0.1', int(sys.argv[1])))
except OSError as e:
    print('bind failed:', e)
    sys.exit(98)
s.listen()
def count():
    return sum(1 for _ in open(sys.argv[3])) if os.path.exists(sys.argv[3]) else 0
before = count()
for n in range(3):
    if os.fork() == 0:
        for name in ('SIGTERM', 'SIGHUP', 'SIGINT'):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        if sys.argv[2] == 'sessions':
            os.setsid()
        ballast = bytearray(64 << 20)  # an end that takes its time
        with open(sys.argv[3], 'a') as f:
            f.write('%d\n' % os.getpid())
        while True:
            time.sleep(1000)
while count() < before + 3:
    time.sleep(0.002)
print('serving')
sock = os.environ['NOTIFY_SOCKET']
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
n.connect('\0' + sock[1:] if sock[0] == '@' else sock)
n.send(b'READY=1')
if sys.argv[4] == 'ends':
    sys.exit(0)
time.sleep(1000)
)",
                                           std::to_string(port_), sessions ? "sessions" : "group",
                                           workers_file().string(),
                                           extra.value("ends", false) ? "ends" : "stays"})},
                  {"ready", {{"kind", "notify"}}},
                  {"backoff", {{"min", "10s"}, {"max", "10s"}}}};
    extra.erase("ends");
    document.update(extra);
    return document;
  }
  std::filesystem::path workers_file() const { return app.state() / "workers"; }
  std::vector<pid_t> workers() const {
    std::ifstream file(workers_file());
    return {std::istream_iterator<pid_t>(file), {}};
  }
  bool any_alive(const std::vector<pid_t>& pids) const {
    return std::any_of(pids.begin(), pids.end(), [](pid_t pid) {
      return std::filesystem::exists("/proc/" + std::to_string(pid));
    });
  }

  const int port_ = 10'000 + static_cast<int>(::getpid() % 20'000);
};

}  // namespace

TEST_F(tree_fixture, the_next_start_comes_after_the_end_of_all_workers_of_a_killed_master) {
  for (bool sessions : {false, true}) {
    auto name = sessions ? "sessions" : "group";
    std::filesystem::remove(workers_file());
    ASSERT_EQ(add(prefork(name, sessions)).status, 201);
    ASSERT_TRUE(reaches(name, "RUNNING"));
    auto before = workers();
    ASSERT_EQ(before.size(), 3U);
    auto pid = app.instance_pid(name);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] {
      auto now = app.instance_pid(name);
      return now > 0 && now != pid && app.service(name)["ready"] == true;
    })) << app.service(name);
    EXPECT_FALSE(any_alive(before));
    EXPECT_EQ(app.service(name)["restarts"], 1) << app.log_of(std::string(name) + ":0");
    EXPECT_EQ(app.log_of(std::string(name) + ":0").find("bind failed"), std::string::npos);
    EXPECT_EQ(app.api("DELETE", std::string("/v1/services/") + name + "?wait=10s").status, 200);
    EXPECT_FALSE(any_alive(workers())) << "gone before the deletion was";
  }
}

TEST_F(tree_fixture, stopped_and_exited_are_shown_when_no_process_of_the_run_is_left) {
  ASSERT_EQ(add(prefork("p", true)).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto before = workers();
  EXPECT_EQ(verb("p", "stop")["state"], "STOPPED");
  EXPECT_FALSE(any_alive(before));
  ASSERT_EQ(app.api("DELETE", "/v1/services/p?wait=10s").status, 200);

  std::filesystem::remove(workers_file());
  ASSERT_EQ(add(prefork("e", true, {{"restart", "never"}, {"ends", true}})).status, 201);
  bool early = false;
  ASSERT_TRUE(eventually([&] {
    bool exited = app.service("e")["state"] == "EXITED";
    early = early || (exited && any_alive(workers()));
    return exited;
  }));
  EXPECT_FALSE(early);
}

}  // namespace sm::test
