#include "telemetry/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "process/proc_stat.hpp"

namespace sm {
namespace {

/// Unix seconds of this boot; 0 when the kernel does not tell.
double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word)
    if (word == "btime" && file >> seconds) return seconds;
  return 0;
}

std::uint64_t open_descriptors(pid_t pid) {
  std::error_code ec;
  std::filesystem::directory_iterator at("/proc/" + std::to_string(pid) + "/fd", ec), end;
  std::uint64_t n = 0;
  for (; !ec && at != end; at.increment(ec)) ++n;
  return n;
}

}  // namespace

void write_process_metrics(metric_page& page, pid_t pid) {
  auto s = read_proc_stat(pid);
  if (!s) return;
  page.family("process_cpu_seconds", "counter", "User and system time of the manager.");
  page.sample("process_cpu_seconds_total", {}, s->cpu_seconds);
  page.family("process_resident_memory_bytes", "gauge", "Resident memory of the manager.");
  page.sample("process_resident_memory_bytes", {}, s->memory_bytes);
  page.family("process_threads", "gauge", "Threads of the manager.");
  page.sample("process_threads", {}, s->threads);
  page.family("process_open_fds", "gauge", "Open descriptors of the manager.");
  page.sample("process_open_fds", {}, open_descriptors(pid));
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0) {
    page.family("process_max_fds", "gauge", "Descriptors that the manager may have.");
    page.sample("process_max_fds", {}, limit.rlim_cur);
  }
  page.family("process_start_time_seconds", "gauge", "When the manager started, in Unix seconds.");
  page.sample("process_start_time_seconds", {},
              boot_time() +
                  static_cast<double>(s->start_time) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

}  // namespace sm
