#include "process/program.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

#include "process/capabilities.hpp"
#include "process/env_file.hpp"
#include "process/exec_pointers.hpp"
#include "process/identity.hpp"
#include "process/program_environment.hpp"
#include "process/rlimits.hpp"
#include "process/start_state.hpp"
#include "process/system_call_filter.hpp"
#include "system/system_error.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

/// What the child does on its way to exec.
enum class step {
  run,
  directory,
  user,
  rlimits,
  nice,
  descriptors,
  capabilities,
  tmp,
  calls,
  privileges
};

/// What it could not do, written into a pipe that exec closes.
struct report {
  int reason = 0;
  step at = step::run;
};

/// How a step that failed is told: what could not be done, and what of the specification it is
/// about.
std::pair<const char*, std::string> told(step at, const service_spec& spec) {
  switch (at) {
    case step::run:
      return {"cannot run", spec.command.front()};
    case step::directory:
      return {"cannot enter the directory", spec.directory};
    case step::user:
      return {"cannot become the user", spec.user};
    case step::rlimits:
      return {"cannot set the limit", "rlimits"};
    case step::nice:
      return {"cannot be nice", "nice"};
    case step::descriptors:
      return {"cannot pass on descriptors", "descriptors"};
    case step::capabilities:
      return {"cannot limit the capabilities", "capability_bounding_set"};
    case step::tmp:
      return {"cannot have a /tmp of its own", "private_tmp"};
    case step::calls:
      return {"cannot filter the system calls", "system_call_filter"};
    case step::privileges:
      return {"cannot give up gaining privileges", "no_new_privileges"};
  }
  return {};
}

/// The rest of this function's life is the child's: between fork and exec of a process with several
/// threads only system calls are allowed, so everything is prepared before.
struct child_plan {
  const service_spec& spec;
  const program_streams& streams;
  identity who;
  std::vector<rlimit_value> limits;
  rlim_t descriptors_max = RLIM_INFINITY;  // the soft limit; RLIM_INFINITY: as it is
  std::vector<char*> argv, envp;
  char* listen_pid = nullptr;           // room for the digits in envp
  std::vector<std::string> candidates;  // where the executable may be
  std::vector<int> moved;
  std::uint64_t capabilities = ~std::uint64_t{0};
  std::vector<sock_filter> filter{};
  bool has_var_tmp = false;
  int umask = -1;
  int report_fd = -1;
  pid_t parent = ::getpid();

  [[noreturn]] void give_up(step at) const {
    report r{errno, at};
    [[maybe_unused]] auto n = ::write(report_fd, &r, sizeof r);
    ::_exit(127);
  }

  /// Neither bounded ones nor those that would be inherited: of both, a file that root executes has
  /// all.
  void limit_capabilities() const {
    for (int n = 0; n < 64; ++n)
      if (((capabilities >> n) & 1) == 0 && ::prctl(PR_CAPBSET_DROP, n, 0, 0, 0) != 0) {
        if (errno == EINVAL) break;  // beyond the last one of this kernel
        give_up(step::capabilities);
      }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) != 0) give_up(step::capabilities);
    data[0].inheritable &= static_cast<std::uint32_t>(capabilities);
    data[1].inheritable &= static_cast<std::uint32_t>(capabilities >> 32);
    if (::syscall(SYS_capset, &header, data) != 0) give_up(step::capabilities);
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  }

  /// What it mounts is seen by nobody else; what others mount later it sees.
  void take_tmp() const {
    constexpr unsigned long plain = MS_NOSUID | MS_NODEV;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
        ::mount("tmpfs", "/tmp", "tmpfs", plain, "mode=1777") != 0 ||
        (has_var_tmp && ::mount("tmpfs", "/var/tmp", "tmpfs", plain, "mode=1777") != 0))
      give_up(step::tmp);
  }

  /// The last thing before exec.
  void filter_calls() {
    sock_fprog code{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) != 0) give_up(step::calls);
  }

  [[noreturn]] void run() {
    ::setsid();
    for (int number = 1; number <= SIGRTMAX; ++number)
      if (number != SIGKILL && number != SIGSTOP) std::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // First out of the way of the numbers they shall get, then there.
    if (report_fd < 64)
      if ((report_fd = ::fcntl(report_fd, F_DUPFD_CLOEXEC, 64)) < 0) ::_exit(127);
    const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int standard[] = {::fcntl(input, F_DUPFD_CLOEXEC, 64),
                            ::fcntl(streams.output, F_DUPFD_CLOEXEC, 64),
                            ::fcntl(streams.errors, F_DUPFD_CLOEXEC, 64)};
    for (std::size_t i = 0; i < moved.size(); ++i)
      if ((moved[i] = ::fcntl(streams.descriptors[i], F_DUPFD_CLOEXEC, 64)) < 0)
        give_up(step::descriptors);
    for (int i = 0; i < 3; ++i)
      if (::dup2(standard[i], i) < 0) give_up(step::descriptors);
    for (std::size_t i = 0; i < moved.size(); ++i)
      if (::dup2(moved[i], 3 + static_cast<int>(i)) < 0) give_up(step::descriptors);
    // Whatever else is open, by whoever's mistake, is not for the program.
    ::close_range(3 + static_cast<unsigned>(moved.size()), ~0U, CLOSE_RANGE_CLOEXEC);
    if (rlimit files{}; descriptors_max != RLIM_INFINITY &&
                        ::getrlimit(RLIMIT_NOFILE, &files) == 0 &&
                        files.rlim_cur > descriptors_max) {
      files.rlim_cur = descriptors_max;
      if (::setrlimit(RLIMIT_NOFILE, &files) != 0) give_up(step::rlimits);
    }
    for (auto& l : limits) {
      rlimit value{l.limit, l.limit};
      if (::setrlimit(static_cast<__rlimit_resource>(l.resource), &value) != 0)
        give_up(step::rlimits);
    }
    if (spec.nice != 0) {
      errno = 0;
      if (::nice(spec.nice) == -1 && errno != 0) give_up(step::nice);
    }
    if (umask >= 0) ::umask(static_cast<mode_t>(umask));
    if (spec.private_tmp) take_tmp();
    if (~capabilities != 0) limit_capabilities();
    // The raw calls: the library's would tell threads that do not exist here.
    if (who.gid) {
      if (::syscall(SYS_setgroups, who.groups.size(), who.groups.data()) != 0) give_up(step::user);
      if (::syscall(SYS_setgid, *who.gid) != 0) give_up(step::user);
    }
    if (who.uid && ::syscall(SYS_setuid, *who.uid) != 0) give_up(step::user);
    // Whom it was given to it stays with: no setuid program gives it more.
    if ((who.uid || spec.no_new_privileges || !filter.empty()) &&
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
      give_up(step::privileges);
    // It dies with whoever started it, at once. After the change of user, which would undo it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    if (!spec.directory.empty() && ::chdir(spec.directory.c_str()) != 0) give_up(step::directory);
    if (listen_pid) {
      char digits[16];
      int n = 0;
      for (auto pid = ::getpid(); pid > 0; pid /= 10)
        digits[n++] = static_cast<char>('0' + pid % 10);
      for (int i = 0; i < n; ++i) listen_pid[i] = digits[n - 1 - i];
      listen_pid[n] = '\0';
    }
    if (!filter.empty()) filter_calls();
    int reason = ENOENT;
    for (auto& path : candidates) {
      ::execve(path.c_str(), argv.data(), envp.data());
      if (errno != ENOENT && errno != ENOTDIR) reason = errno;
    }
    errno = reason;
    give_up(step::run);
  }
};

/// execvp(3)'s search, by the program's own PATH.
std::vector<std::string> candidates_for(const std::string& name,
                                        const std::vector<std::string>& environment) {
  if (name.find('/') != name.npos) return {name};
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (auto& variable : environment)
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  std::vector<std::string> list;
  for (std::size_t at = 0; at <= path.size();) {
    auto end = std::min(path.find(':', at), path.size());
    auto folder = path.substr(at, end - at);
    list.push_back((folder.empty() ? "." : folder) + "/" + name);
    at = end + 1;
  }
  return list;
}

}  // namespace

result<pid_t> start_program(const service_spec& spec, const program_streams& streams) {
  auto who = resolve_identity(spec);
  if (!who) return tl::unexpected<error>(who.error());
  auto arguments = spec.command;
  std::vector<std::string> inherited;
  for (char** entry = environ; entry && *entry; ++entry) inherited.emplace_back(*entry);
  auto of_files = read_env_files(spec.env_file);
  if (!of_files) return tl::unexpected<error>(of_files.error());
  auto with_files = spec;
  for (auto& [name, value] : *of_files) with_files.env[name] = value;
  auto environment = program_environment(with_files, *who, inherited, streams.variables);
  if (streams.listen_pid) environment.push_back("LISTEN_PID=0000000000000000");
  child_plan plan{.spec = spec,
                  .streams = streams,
                  .who = std::move(*who),
                  .limits = {},
                  .descriptors_max = descriptor_limit_at_start(),
                  .argv = exec_pointers(arguments),
                  .envp = exec_pointers(environment),
                  .candidates = candidates_for(spec.command.front(), environment),
                  .moved = std::vector<int>(streams.descriptors.size(), -1)};
  if (streams.listen_pid) plan.listen_pid = environment.back().data() + std::strlen("LISTEN_PID=");
  if (!spec.umask.empty()) {
    auto mask = parse_integer<int>(spec.umask, 0, 0777, 8);
    if (!mask) return fail(errc::invalid_spec, mask.error().detail, "/umask");
    plan.umask = *mask;
  }
  auto capabilities = parse_capabilities(spec.capability_bounding_set);
  if (!capabilities) return tl::unexpected<error>(capabilities.error());
  plan.capabilities = *capabilities;
  auto filter = compile_system_call_filter(spec.system_call_filter);
  if (!filter) return tl::unexpected<error>(filter.error());
  plan.filter = std::move(*filter);
  plan.has_var_tmp = ::access("/var/tmp", F_OK) == 0;
  for (auto& [name, value] : spec.rlimits) {
    auto limit = parse_rlimit(name, value);
    if (!limit) return tl::unexpected<error>(limit.error());
    plan.limits.push_back(*limit);
  }
  // Or it could not open /dev/stderr: that asks for the right to the pipe once more.
  for (int fd : {streams.output, streams.errors})
    if (plan.who.uid && ::fchown(fd, *plan.who.uid, static_cast<gid_t>(-1)) != 0)
      return system_failure("cannot give its output to the user", spec.user);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_failure("cannot make a pipe");
  unique_fd reports(ends[0]), child_end(ends[1]);
  plan.report_fd = child_end.get();
  auto pid = ::fork();
  if (pid == 0) plan.run();
  if (pid < 0) return system_failure("cannot fork");
  child_end.reset();
  report r;
  if (::read(reports.get(), &r, sizeof r) != sizeof r) return pid;
  ::waitpid(pid, nullptr, 0);
  auto [what, of] = told(r.at, spec);
  return system_failure(what, of, r.reason);
}

}  // namespace sm
