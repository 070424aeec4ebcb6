#include "process/child_reaper.hpp"

#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace sm {

void reap_children(const std::function<void(pid_t, const exit_status&)>& ended) {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    auto pid = info.si_pid;
    exit_status status = exited_with{info.si_status};
    if (info.si_code != CLD_EXITED) status = killed_by{info.si_status};
    ended(pid, status);
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  }
}

bool signal_group(pid_t leader, int number) noexcept {
  return leader > 1 && ::kill(-leader, number) == 0;
}

std::uint64_t process_start_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  // Field 22; field 2 is the name in parentheses and may hold anything.
  auto name_end = line.rfind(')');
  if (name_end == line.npos) return 0;
  std::istringstream fields(line.substr(name_end + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return std::strtoull(field.c_str(), nullptr, 10);
}

const std::string& boot_id() {
  static const std::string id = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string line;
    std::getline(file, line);
    return line;
  }();
  return id;
}

}  // namespace sm
