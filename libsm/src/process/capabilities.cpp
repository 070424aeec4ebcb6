#include "process/capabilities.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "text/ascii.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

/// In the order of their numbers (linux/capability.h of Linux 5.9 and later).
constexpr std::array<std::string_view, 41> capability_names{"CHOWN",
                                                            "DAC_OVERRIDE",
                                                            "DAC_READ_SEARCH",
                                                            "FOWNER",
                                                            "FSETID",
                                                            "KILL",
                                                            "SETGID",
                                                            "SETUID",
                                                            "SETPCAP",
                                                            "LINUX_IMMUTABLE",
                                                            "NET_BIND_SERVICE",
                                                            "NET_BROADCAST",
                                                            "NET_ADMIN",
                                                            "NET_RAW",
                                                            "IPC_LOCK",
                                                            "IPC_OWNER",
                                                            "SYS_MODULE",
                                                            "SYS_RAWIO",
                                                            "SYS_CHROOT",
                                                            "SYS_PTRACE",
                                                            "SYS_PACCT",
                                                            "SYS_ADMIN",
                                                            "SYS_BOOT",
                                                            "SYS_NICE",
                                                            "SYS_RESOURCE",
                                                            "SYS_TIME",
                                                            "SYS_TTY_CONFIG",
                                                            "MKNOD",
                                                            "LEASE",
                                                            "AUDIT_WRITE",
                                                            "AUDIT_CONTROL",
                                                            "SETFCAP",
                                                            "MAC_OVERRIDE",
                                                            "MAC_ADMIN",
                                                            "SYSLOG",
                                                            "WAKE_ALARM",
                                                            "BLOCK_SUSPEND",
                                                            "AUDIT_READ",
                                                            "PERFMON",
                                                            "BPF",
                                                            "CHECKPOINT_RESTORE"};

}  // namespace

result<std::uint64_t> parse_capabilities(std::span<const std::string> names) {
  constexpr std::uint64_t all = ~std::uint64_t{0};
  if (names.empty()) return all;
  if (names.size() == 1 && names.front() == "none") return 0;
  auto left = names.front().starts_with('~') ? all : 0;
  for (auto& text : names) {
    bool takes = text.starts_with('~');
    auto name = lower_case(takes ? text.substr(1) : text);
    if (!name.starts_with("cap_"))
      return fail(errc::invalid_spec,
                  in_quotes(text) + " is no capability; write for example CAP_NET_BIND_SERVICE");
    auto found = std::find_if(capability_names.begin(), capability_names.end(),
                              [&](auto known) { return lower_case(known) == name.substr(4); });
    if (found == capability_names.end())
      return fail(errc::invalid_spec, in_quotes(text) + " is no capability, see capabilities(7)");
    auto bit = std::uint64_t{1} << (found - capability_names.begin());
    left = takes ? left & ~bit : left | bit;
  }
  return left;
}

}  // namespace sm
