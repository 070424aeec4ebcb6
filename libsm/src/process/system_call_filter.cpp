#include "process/system_call_filter.hpp"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>

#include "process/system_call_groups.hpp"
#include "system/system_error.hpp"
#include "system/unique_fd.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using names = std::set<std::string>;

constexpr int number_max = 1024;  // no machine's table goes so far

/// Without these no program begins, ends, or comes back from a signal: systemd's @default, and
/// `write`, by which is told that it could not be executed.
const names always{"arch_prctl",
                   "brk",
                   "clock_getres",
                   "clock_getres_time64",
                   "clock_gettime",
                   "clock_gettime64",
                   "clock_nanosleep",
                   "clock_nanosleep_time64",
                   "execve",
                   "exit",
                   "exit_group",
                   "futex",
                   "futex_time64",
                   "futex_waitv",
                   "get_robust_list",
                   "get_thread_area",
                   "getegid",
                   "getegid32",
                   "geteuid",
                   "geteuid32",
                   "getgid",
                   "getgid32",
                   "getgroups",
                   "getgroups32",
                   "getpgid",
                   "getpgrp",
                   "getpid",
                   "getppid",
                   "getrandom",
                   "getresgid",
                   "getresgid32",
                   "getresuid",
                   "getresuid32",
                   "getrlimit",
                   "getsid",
                   "gettid",
                   "gettimeofday",
                   "getuid",
                   "getuid32",
                   "membarrier",
                   "mmap",
                   "mmap2",
                   "mprotect",
                   "munmap",
                   "nanosleep",
                   "pause",
                   "prlimit64",
                   "restart_syscall",
                   "rseq",
                   "rt_sigreturn",
                   "sched_getaffinity",
                   "sched_yield",
                   "set_robust_list",
                   "set_thread_area",
                   "set_tid_address",
                   "set_tls",
                   "sigreturn",
                   "time",
                   "ugetrlimit",
                   "write"};

/// All of this machine that the library knows, with their numbers.
const std::map<std::string, int>& known_calls() {
  static const std::map<std::string, int> all = [] {
    std::map<std::string, int> calls;
    for (int number = 0; number < number_max; ++number)
      if (std::unique_ptr<char, void (*)(void*)> name{
              ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), std::free})
        calls.emplace(name.get(), number);
    return calls;
  }();
  return all;
}

/// What a background service may need: all that is no business of the machine's.
names system_service() {
  names all;
  for (auto& [name, number] : known_calls()) all.insert(name);
  for (auto* group : {"@clock", "@cpu-emulation", "@debug", "@module", "@mount", "@obsolete",
                      "@raw-io", "@reboot", "@swap"})
    for (auto& name : *system_call_group(group)) all.erase(name);
  for (auto* name :
       {"acct", "bpf", "fanotify_init", "fanotify_mark", "nfsservctl", "open_by_handle_at",
        "quotactl", "quotactl_fd", "setdomainname", "sethostname", "syslog", "vhangup"})
    all.erase(name);
  return all;
}

result<names> calls_of(const std::string& item) {
  if (item == "@system-service") return system_service();
  if (auto ok = check_system_calls({&item, 1}); !ok) return tl::unexpected<error>(ok.error());
  if (auto* group = system_call_group(item)) return *group;
  // One of another machine's may stand in a file that is for both.
  if (::seccomp_syscall_resolve_name(item.c_str()) == __NR_SCMP_ERROR)
    return fail(errc::invalid_spec, in_quotes(item) + " is no system call");
  return names{item};
}

}  // namespace

result<names> allowed_system_calls(std::span<const std::string> items) {
  names allowed;
  if (items.empty() || items.front().starts_with('~'))
    for (auto& [name, number] : known_calls()) allowed.insert(name);
  for (auto& text : items) {
    bool takes = text.starts_with('~');
    auto calls = calls_of(takes ? text.substr(1) : text);
    if (!calls) return calls;
    for (auto& name : *calls) {
      if (takes)
        allowed.erase(name);
      else
        allowed.insert(name);
    }
  }
  allowed.insert(always.begin(), always.end());
  return allowed;
}

result<void> check_system_call_filter(std::span<const std::string> items) {
  if (items.empty()) return {};
  auto allowed = allowed_system_calls(items);
  if (allowed) return {};
  return fail(allowed.error().code, allowed.error().detail, "/system_call_filter");
}

result<std::vector<sock_filter>> compile_system_call_filter(std::span<const std::string> items) {
  if (items.empty()) return std::vector<sock_filter>{};
  auto allowed = allowed_system_calls(items);
  if (!allowed) return tl::unexpected<error>(allowed.error());
  const std::unique_ptr<void, void (*)(void*)> filter{::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)),
                                                      ::seccomp_release};
  if (!filter) return fail(errc::internal, "no filter of system calls can be made");
  // Through another machine's table (32 bits) it would be passed by.
  int failed = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  failed |= ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (auto& [name, number] : known_calls())
    failed |= ::seccomp_rule_add(
        filter.get(), allowed->contains(name) ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS, number, 0);
  unique_fd file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file) return system_failure("cannot make the filter of system calls");
  failed |= ::seccomp_export_bpf(filter.get(), file.get());
  auto size = ::lseek(file.get(), 0, SEEK_END);
  if (failed != 0 || size <= 0)
    return fail(errc::internal, "the filter of system calls cannot be made");
  std::vector<sock_filter> code(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), code.data(), static_cast<std::size_t>(size), 0) != size)
    return system_failure("cannot read the filter of system calls");
  return code;
}

}  // namespace sm
