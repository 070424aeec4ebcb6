#include "process/program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "process/probe.hpp"
#include "process/start_state.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

struct outcome {
  std::string output;
  int status = -1;
};

/// Runs it to its end; what it printed.
outcome run(service_spec spec, program_streams streams = {}) {
  test::temporary_folder t;
  auto file = t.path() / "out";
  unique_fd out(::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  streams.output = streams.errors = out.get();
  auto pid = start_program(spec, streams);
  if (!pid) return {to_string(pid.error()), -1};
  outcome o;
  ::waitpid(*pid, &o.status, 0);
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  o.output = text.str();
  return o;
}

service_spec shell(const std::string& script) {
  service_spec spec;
  spec.command = {"sh", "-c", script};
  return spec;
}

}  // namespace

TEST(program, arguments_are_passed_as_they_are_without_a_shell) {
  service_spec spec;
  spec.command = {"printf", "%s|", "a b", "$HOME", "*"};
  EXPECT_EQ(run(spec).output, "a b|$HOME|*|");
}

TEST(program, environment_directory_umask_nice_and_limits_are_as_specified) {
  auto spec = shell("echo $A $HOME; pwd; umask; nice; ulimit -n");
  spec.env = {{"A", "1"}};
  spec.inherit_env = {"PATH"};
  spec.directory = "/usr";
  spec.umask = "027";
  spec.nice = 3;
  spec.rlimits = {{"nofile", "123"}};
  auto niceness = std::to_string(std::min(::getpriority(PRIO_PROCESS, 0) + 3, 19));
  EXPECT_EQ(run(spec).output, "1\n/usr\n0027\n" + niceness + "\n123\n");
}

TEST(program, files_of_variables_are_read_at_each_start_and_win_over_env) {
  test::temporary_folder folder;
  auto file = (folder.path() / "env").string();
  auto spec = shell("echo $A $B");
  spec.env = {{"A", "1"}, {"B", "1"}};
  spec.env_file = {"-" + file};
  EXPECT_EQ(run(spec).output, "1 1\n");
  std::ofstream(file) << "B='two words'\n";
  EXPECT_EQ(run(spec).output, "1 two words\n");
  std::ofstream(file) << "B=1\nnothing\n";
  auto refused = start_program(spec, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, file + ":2");
  EXPECT_EQ(refused.error().detail, "is not NAME=VALUE");
}

TEST(program, it_runs_as_the_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  auto spec = shell("id -un; id -gn");
  spec.user = "nobody";
  EXPECT_EQ(run(spec).output, "nobody\nnogroup\n");
  spec.user_group = "daemon";
  EXPECT_EQ(run(spec).output, "nobody\ndaemon\n");
}

TEST(program, no_file_gives_it_more_rights_when_it_may_have_none) {
  auto spec = shell("grep NoNewPrivs /proc/self/status");
  EXPECT_EQ(run(spec).output, "NoNewPrivs:\t0\n");
  spec.no_new_privileges = true;
  EXPECT_EQ(run(spec).output, "NoNewPrivs:\t1\n");
}

TEST(program, it_has_the_capabilities_that_are_named_at_most) {
  auto spec = shell("grep -E 'CapBnd|CapPrm|CapInh' /proc/self/status");
  spec.capability_bounding_set = {"CAP_NET_BIND_SERVICE", "CAP_CHOWN"};
  if (::geteuid() != 0) {
    EXPECT_NE(run(spec).output.find("cannot limit the capabilities"), std::string::npos);
    return;
  }
  EXPECT_EQ(run(spec).output,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000401\nCapBnd:\t0000000000000401\n");
  spec.user = "nobody";
  EXPECT_EQ(run(spec).output,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapBnd:\t0000000000000401\n");
  spec.user.clear();
  spec.capability_bounding_set = {"none"};
  EXPECT_EQ(run(spec).output,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapBnd:\t0000000000000000\n");
}

TEST(program, a_tmp_of_its_own_is_empty_and_gone_with_it) {
  test::temporary_folder seen;  // in /tmp
  auto spec = shell("ls -A /tmp /var/tmp; echo x > /tmp/mine; stat -c %a /tmp");
  spec.private_tmp = true;
  if (::geteuid() != 0) {
    EXPECT_NE(run(spec).output.find("cannot have a /tmp of its own"), std::string::npos);
    return;
  }
  auto listed = run(spec).output;
  if (listed.find("Operation not permitted") != listed.npos)
    GTEST_SKIP() << "this container lets nobody mount";
  EXPECT_EQ(listed, "/tmp:\n\n/var/tmp:\n1777\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/mine"));
  EXPECT_TRUE(std::filesystem::exists(seen.path()));
}

TEST(program, a_system_call_that_it_may_not_make_ends_it) {
  test::temporary_folder t;
  auto made = t.path() / "made";
  service_spec spec;
  spec.command = {"mkdir", made.string()};
  spec.system_call_filter = {"@system-service"};
  EXPECT_EQ(run(spec).status, 0);
  EXPECT_TRUE(std::filesystem::remove(made));
  spec.system_call_filter = {"~mkdir", "~mkdirat"};
  auto o = run(spec);
  EXPECT_TRUE(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGSYS) << o.status << o.output;
  EXPECT_FALSE(std::filesystem::exists(made));
  spec.command = {"/no/such/program"};
  // ASan asks for the signal stack where a function does not return.
  spec.system_call_filter = {"read", "openat", "sigaltstack"};
  EXPECT_NE(run(spec).output.find("cannot run"), std::string::npos) << "also under a filter";
}

TEST(program, descriptors_are_passed_from_three_on_and_nothing_else_is) {
  unique_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto o = run(shell("ls /proc/self/fd | tr '\\n' ' '; [ $LISTEN_PID = $$ ] && echo mine"),
               {.descriptors = {null.get(), null.get()}, .listen_pid = true});
  EXPECT_EQ(o.output, "0 1 2 3 4 5 mine\n") << "5 is ls's own";
}

TEST(program, what_cannot_be_started_names_what_is_at_fault) {
  auto words = [](service_spec spec) { return run(std::move(spec)).output; };
  service_spec spec;
  spec.command = {"no-such-program"};
  EXPECT_NE(words(spec).find("cannot run: No such file"), std::string::npos) << words(spec);
  EXPECT_NE(words(spec).find("no-such-program"), std::string::npos);
  spec = shell("true");
  spec.directory = "/no/such/folder";
  EXPECT_NE(words(spec).find("/no/such/folder"), std::string::npos) << words(spec);
  spec = shell("true");
  spec.user = "nosuchuser";
  EXPECT_NE(words(spec).find("no user 'nosuchuser'"), std::string::npos) << words(spec);
  spec = shell("true");
  spec.user_group = "nosuchgroup";
  EXPECT_NE(words(spec).find("no group 'nosuchgroup'"), std::string::npos) << words(spec);
  spec.command = {"/etc/passwd"};
  spec.user_group.clear();
  EXPECT_NE(words(spec).find("Permission denied"), std::string::npos) << words(spec);
}

TEST(program, its_standard_streams_are_open_whatever_the_caller_has_closed) {
  // In a process of its own, whose 0, 1 and 2 are closed.
  auto child = ::fork();
  if (child == 0) {
    for (int fd : {0, 1, 2}) ::close(fd);
    open_standard_streams();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(90);
    auto pid = start_program(shell("read x; [ -e /proc/self/fd/0 ] && echo ok && echo ok >&2"),
                             {.output = ends[1], .errors = ends[1]});
    ::close(ends[1]);
    if (!pid) ::_exit(91);
    char text[16];
    std::string all;
    for (ssize_t n = 0; (n = ::read(ends[0], text, sizeof text)) > 0;)
      all.append(text, static_cast<std::size_t>(n));
    ::waitpid(*pid, nullptr, 0);
    ::_exit(all == "ok\nok\n" && ends[0] > 2 ? 0 : 92);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(program, signals_that_the_caller_blocks_or_ignores_reach_it) {
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  auto old = std::signal(SIGHUP, SIG_IGN);
  auto o = run(shell("exec grep -E 'SigBlk|SigIgn' /proc/self/status"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGHUP, old);
  EXPECT_EQ(o.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(program, the_soft_limit_of_descriptors_is_what_it_was_before_it_was_raised) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low{std::min<rlim_t>(before.rlim_cur, 512), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  raise_descriptor_limit();
  auto o = run(shell("ulimit -Sn; ulimit -Hn"));
  remember_descriptor_limit(RLIM_INFINITY);
  ::setrlimit(RLIMIT_NOFILE, &before);
  auto hard = before.rlim_max == RLIM_INFINITY ? "unlimited" : std::to_string(before.rlim_max);
  EXPECT_EQ(o.output, std::to_string(low.rlim_cur) + "\n" + hard + "\n");
}

TEST(program, of_another_user_it_gains_no_privileges_and_can_open_its_streams_by_path) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  auto spec = shell("grep NoNewPrivs /proc/self/status; echo err > /dev/stderr; echo $HOME $USER");
  spec.user = "nobody";
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  unique_fd out(ends[0]);
  auto pid = start_program(spec, {.output = ends[1], .errors = ends[1]});
  ::close(ends[1]);
  ASSERT_TRUE(pid);
  char text[256];
  std::string all;
  for (ssize_t n = 0; (n = ::read(out.get(), text, sizeof text)) > 0;)
    all.append(text, static_cast<std::size_t>(n));
  ::waitpid(*pid, nullptr, 0);
  EXPECT_EQ(all, "NoNewPrivs:\t1\nerr\n/nonexistent nobody\n");
}

TEST(probe, targets_are_read_or_refused) {
  auto tcp = parse_probe_target("tcp", "[::1]:80");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->host, "::1");
  EXPECT_EQ(tcp->port, "80");
  auto http = parse_probe_target("http", "http://localhost:8080/ok?x=1");
  ASSERT_TRUE(http);
  EXPECT_EQ(http->port, "8080");
  EXPECT_EQ(http->path, "/ok?x=1");
  EXPECT_EQ(parse_probe_target("http", "http://localhost")->path, "/");
  for (auto* bad : {"", "8080", "host:", ":80", "host:http", "host:123456"})
    EXPECT_FALSE(parse_probe_target("tcp", bad)) << bad;
  for (auto* bad : {"localhost:80", "https://x/", "http://", "http://x/a b"})
    EXPECT_FALSE(parse_probe_target("http", bad)) << bad;
}

TEST(probe, nobody_at_the_port_is_unhealthy) {
  EXPECT_FALSE(probe("tcp", {"127.0.0.1", "1", ""}, std::chrono::milliseconds{500}));
}

}  // namespace sm
