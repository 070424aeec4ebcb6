#include "process/proc_stat.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "system/unique_fd.hpp"

namespace sm {

std::optional<proc_stat> read_proc_stat(pid_t pid) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  unique_fd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  auto size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return std::nullopt;
  return parse_proc_stat(pid, {text.data(), static_cast<std::size_t>(size)});
}

std::optional<proc_stat> parse_proc_stat(pid_t pid, std::string_view text) {
  // Field 2, the name in parentheses, may hold anything, parentheses included.
  auto name_end = text.rfind(')');
  if (name_end == text.npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  std::array<std::string_view, 53> fields;  // by their numbers in proc(5)
  for (std::size_t n = 3; n < fields.size() && text.size() > 1; ++n) {
    text.remove_prefix(1);
    fields[n] = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(fields[n].size());
  }
  bool whole = !fields[3].empty();
  auto number = [&](std::size_t n, auto& into) {
    whole =
        whole && std::from_chars(fields[n].data(), fields[n].data() + fields[n].size(), into).ec ==
                     std::errc{};
  };
  proc_stat s;
  s.pid = pid;
  std::uint64_t user = 0, system = 0, pages = 0;
  number(4, s.parent);
  number(5, s.group);
  number(6, s.session);
  number(14, user);
  number(15, system);
  number(20, s.threads);
  number(22, s.start_time);
  number(24, pages);
  if (!fields[52].empty()) number(52, s.wait_status);
  if (!whole) return std::nullopt;
  s.state = fields[3][0];
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  s.cpu_seconds = static_cast<double>(user + system) / ticks;
  s.memory_bytes = pages * page;
  return s;
}

pid_t tracer_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  constexpr std::string_view key = "TracerPid:";
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return static_cast<pid_t>(std::atoi(line.c_str() + key.size()));
  return 0;
}

std::vector<proc_stat> list_processes() {
  std::vector<proc_stat> all;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  if (!folder) return all;
  while (auto* entry = ::readdir(folder.get())) {
    std::string_view name = entry->d_name;
    pid_t pid = 0;
    auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (ec != std::errc{} || end != name.data() + name.size()) continue;
    if (auto s = read_proc_stat(pid)) all.push_back(*s);
  }
  return all;
}

std::uint64_t process_start_time(pid_t pid) {
  auto s = read_proc_stat(pid);
  return s ? s->start_time : 0;
}

presence look_at(pid_t pid, std::uint64_t& start_time) {
  errno = 0;
  if (auto s = read_proc_stat(pid)) {
    start_time = s->start_time;
    return presence::there;
  }
  return errno == ENOENT || errno == ESRCH ? presence::gone : presence::unknown;
}

presence look_for(pid_t pid, std::uint64_t start_time) {
  std::uint64_t found = 0;
  auto here = look_at(pid, found);
  return here == presence::there && found != start_time ? presence::gone : here;
}

exit_status read_exit_status(pid_t pid) {
  auto s = read_proc_stat(pid);
  if (!s || s->state != 'Z') return vanished{};
  if (WIFSIGNALED(s->wait_status)) return killed_by{WTERMSIG(s->wait_status)};
  return exited_with{WEXITSTATUS(s->wait_status)};
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

const std::string& system_run() {
  static const std::string run = boot_id() + "/" + std::to_string(process_start_time(1));
  return run;
}

}  // namespace sm
