#include "process/system_call_groups.hpp"

#include <algorithm>
#include <map>

#include "text/texts.hpp"

namespace sm {
namespace {

/// Groups of systemd's (systemd.exec(5), SystemCallFilter=) by what is the machine's or another
/// process's business; system_call_names that this machine does not have do no harm.
const std::map<std::string, system_call_names>& groups() {
  static const std::map<std::string, system_call_names> all = [] {
    std::map<std::string, system_call_names> g{
        {"@chown", {"chown", "chown32", "fchown", "fchown32", "fchownat", "lchown", "lchown32"}},
        {"@clock",
         {"adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64",
          "settimeofday"}},
        {"@cpu-emulation", {"modify_ldt", "subpage_prot", "switch_endian", "vm86", "vm86old"}},
        {"@debug",
         {"lookup_dcookie", "perf_event_open", "pidfd_getfd", "ptrace", "rtas",
          "s390_runtime_instr", "sys_debug_setcontext"}},
        {"@keyring", {"add_key", "keyctl", "request_key"}},
        {"@module", {"delete_module", "finit_module", "init_module"}},
        {"@mount",
         {"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr",
          "move_mount", "open_tree", "pivot_root", "umount", "umount2"}},
        {"@obsolete", {"_sysctl",
                       "afs_syscall",
                       "bdflush",
                       "break",
                       "create_module",
                       "ftime",
                       "get_kernel_syms",
                       "getpmsg",
                       "gtty",
                       "idle",
                       "lock",
                       "mpx",
                       "prof",
                       "profil",
                       "putpmsg",
                       "query_module",
                       "security",
                       "sgetmask",
                       "ssetmask",
                       "stime",
                       "stty",
                       "sysfs",
                       "tuxcall",
                       "ulimit",
                       "uselib",
                       "ustat",
                       "vserver"}},
        {"@raw-io",
         {"ioperm", "iopl", "pciconfig_iobase", "pciconfig_read", "pciconfig_write",
          "s390_pci_mmio_read", "s390_pci_mmio_write"}},
        {"@reboot", {"kexec_file_load", "kexec_load", "reboot"}},
        {"@resources",
         {"ioprio_set", "mbind", "migrate_pages", "move_pages", "nice", "sched_setaffinity",
          "sched_setattr", "sched_setparam", "sched_setscheduler", "set_mempolicy",
          "set_mempolicy_home_node", "setpriority", "setrlimit"}},
        {"@setuid",
         {"setgid", "setgid32", "setgroups", "setgroups32", "setregid", "setregid32", "setresgid",
          "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setuid",
          "setuid32"}},
        {"@swap", {"swapoff", "swapon"}}};
    system_call_names privileged{"_sysctl",       "acct",        "bpf",
                                 "capset",        "chroot",      "fanotify_init",
                                 "fanotify_mark", "nfsservctl",  "open_by_handle_at",
                                 "pivot_root",    "quotactl",    "quotactl_fd",
                                 "setdomainname", "setfsuid",    "setfsuid32",
                                 "setgroups",     "setgroups32", "sethostname",
                                 "setresuid",     "setresuid32", "setreuid",
                                 "setreuid32",    "setuid",      "setuid32",
                                 "vhangup"};
    for (auto* part : {"@chown", "@clock", "@module", "@raw-io", "@reboot", "@swap"})
      privileged.insert(g.at(part).begin(), g.at(part).end());
    g.emplace("@privileged", std::move(privileged));
    return g;
  }();
  return all;
}

}  // namespace

const system_call_names* system_call_group(const std::string& name) {
  auto found = groups().find(name);
  return found == groups().end() ? nullptr : &found->second;
}

std::vector<std::string> system_call_groups() {
  std::vector<std::string> all{"@system-service"};
  for (auto& [name, calls] : groups()) all.push_back(name);
  return all;
}

result<void> check_system_calls(std::span<const std::string> items) {
  for (auto& text : items) {
    auto name = text.starts_with('~') ? text.substr(1) : text;
    if (name.starts_with('@') && name != "@system-service" && !system_call_group(name)) {
      std::string known;
      for (auto& group : system_call_groups()) known += (known.empty() ? "" : ", ") + group;
      return fail(errc::invalid_spec, in_quotes(name) + " is no group of system calls: " + known);
    }
    bool plain = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (name.empty() || (!name.starts_with('@') && !plain))
      return fail(errc::invalid_spec, in_quotes(name) + " is no system call");
  }
  return {};
}

}  // namespace sm
