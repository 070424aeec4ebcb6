// The manager itself, and what may ail it.
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "process/proc_stat.hpp"
#include "system/unique_fd.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::uint64_t room_wanted = 100 << 20;
constexpr std::uint64_t descriptors_wanted = 1024;
constexpr double latency_wanted_s = 60;

/// health.ready with its list of what is not.
result<client_reply> readiness(session& s) {
  return s.client().ask(request_for("health.ready", {}, {{"verbose", "1"}}), s.deadline);
}

/// What is not, a line each: "web FATAL".
std::vector<std::string> not_ready(const client_reply& readiness) {
  std::vector<std::string> names;
  for (std::string_view rest = readiness.body; readiness.status != 200 && !rest.empty();) {
    auto end = std::min(rest.find('\n'), rest.size());
    if (auto line = rest.substr(0, end); line.starts_with("[-]"))
      names.emplace_back(line.substr(3));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

/// Whether one of `lines` is about the service that `line` is about.
bool is_of(const std::vector<std::string>& lines, const std::string& line) {
  auto name = line.substr(0, line.find(' ') + 1);
  return std::any_of(lines.begin(), lines.end(), [&](auto& l) { return l.starts_with(name); });
}

/// The process that a manager says it is, if it is one of this system: a pid that was told within a
/// container, or on another host, is somebody else's here. Who made the socket tells nothing: that
/// may have been systemd.
unique_fd process_here(const json& manager) {
  auto pid = static_cast<pid_t>(number_in(manager, "pid"));
  if (pid <= 0) return {};
  unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  auto started = manager.value("start_time", std::uint64_t{0});
  return process && process_start_time(pid) == started ? std::move(process) : unique_fd{};
}

result<int> daemon_status(session& s) {
  auto manager = s.ask(request_for("daemon.show"));
  if (!manager) return tl::unexpected<error>(manager.error());
  auto ready = readiness(s);
  if (!ready) return tl::unexpected<error>(ready.error());
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto document = *manager;
  document["server"] = s.server().text();
  document["ready"] = ready->status == 200;
  document["services"] = listing->at("services").size();
  if (s.as_json()) {
    s.show(document);
  } else {
    auto config = text_in(*manager, "config");
    put(harmless(fmt::format("serves at {}, pid {:.0f}", s.server().text(),
                             number_in(*manager, "pid"))) +
        "\n" +
        harmless(fmt::format("{} {}, build {}", text_in(*manager, "program"),
                             text_in(*manager, "version"),
                             text_in(*manager, "build").substr(0, 12))) +
        "\n" + harmless("state: " + text_in(*manager, "state")) + "\n" +
        (config.empty() ? "" : harmless("configuration: " + config) + "\n") +
        counts_line(*listing) + "\n" + (ready->status == 200 ? "all is ready\n" : "not ready:\n"));
    for (auto& line : not_ready(*ready)) put("  " + harmless(line) + "\n");
  }
  return ready->status == 200 ? exits::ok : exits::not_running;
}

result<int> daemon_stop(session& s) {
  if (!s.server().is_local())
    return fail(errc::forbidden, "the manager is stopped on its own host alone", s.server().text());
  auto manager = s.ask(request_for("daemon.show"));
  if (!manager) return tl::unexpected<error>(manager.error());
  auto pid = static_cast<pid_t>(number_in(*manager, "pid"));
  auto process = process_here(*manager);
  if (!process)
    return fail(errc::forbidden,
                "is no process of this system: stop it where it runs (in its container, say)",
                "the manager's pid " + std::to_string(pid));
  if (auto ok = s.confirm("Stop the manager (pid " + std::to_string(pid) + ") and all services?");
      !ok)
    return tl::unexpected<error>(ok.error());
  if (s.dry_run()) {
    put("would be stopped: pid " + std::to_string(pid) + "\n");
    return exits::ok;
  }
  // By its descriptor: the pid may be another's meanwhile.
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0)
    return fail(errc::forbidden, "cannot signal the manager", "pid " + std::to_string(pid));
  if (s.given.has("no-wait")) return exits::ok;
  progress shown(s.screen.errors && !s.quiet(), "stopping", "the manager and its services");
  pollfd ended{process.get(), POLLIN, 0};
  while (::poll(&ended, 1, 200) <= 0)
    if (s.left() <= 0ms) return fail(errc::timeout, "has not ended in time", "the manager");
  shown.clear();
  s.tell("the manager: stopped");
  return exits::ok;
}

result<int> daemon_reexec(session& s) {
  if (s.dry_run()) {
    put("would be executed anew: the manager at " + harmless(s.server().text()) + "\n");
    return exits::ok;
  }
  auto before = s.ask(request_for("daemon.show"));
  if (!before) return tl::unexpected<error>(before.error());
  auto ready = readiness(s);
  if (!ready) return tl::unexpected<error>(ready.error());
  auto failing = not_ready(*ready);
  auto begun = s.ask(request_for("daemon.reexec"));
  if (!begun) return tl::unexpected<error>(begun.error());
  auto pid = static_cast<pid_t>(number_in(*begun, "pid"));
  if (s.as_json()) s.show(*begun);
  if (s.given.has("no-wait")) return exits::ok;
  progress shown(s.screen.errors && !s.quiet(), "executing", "the manager anew");
  auto client = s.new_client();
  // Its sockets stay: what is asked meanwhile is answered by the new one, or by the old one still.
  auto once_more = [&](const std::string& why) -> result<void> {
    if (s.left() <= 0ms) return fail(errc::timeout, "is executed anew, but " + why, "the manager");
    std::this_thread::sleep_for(50ms);
    return {};
  };
  auto soon = [&] { return std::min(s.deadline, clock::now() + 2s); };
  for (;;) {
    auto now = session::ask(client, request_for("daemon.show"), soon());
    if (now && text_in(*now, "run") != text_in(*before, "run")) break;
    // An older one, to which we went back, does not tell.
    if (!now && now.error().code == errc::not_found) break;
    if (auto ok = once_more("does not serve in time: see its log"); !ok)
      return tl::unexpected<error>(ok.error());
  }
  // It has taken over what it found, once that is ready again.
  for (;;) {
    auto now = client.ask(request_for("health.ready", {}, {{"verbose", "1"}}), soon());
    auto names = now ? not_ready(*now) : std::vector<std::string>{};
    std::erase_if(names, [&](auto& line) { return is_of(failing, line); });
    if (now && (now->status == 200 || now->status == 503) && names.empty()) break;
    if (auto ok = once_more(names.empty() ? "does not answer in time"
                                          : names.front() + " is not ready in time");
        !ok)
      return tl::unexpected<error>(ok.error());
  }
  shown.clear();
  s.tell("the manager: executed anew, pid " + std::to_string(pid) + ", build " +
         text_in(*begun, "build").substr(0, 12));
  return exits::ok;
}

struct finding {
  const char* level;  ///< "ok", "warning", "error"
  std::string what, remedy{};
};

void look_at_services(const json& listing, std::vector<finding>& out) {
  auto before = out.size();
  for (auto& service : listing.at("services")) {
    auto name = text_in(service, "name"), state = text_in(service, "state");
    auto note = note_of(service);
    if (state == "FATAL")
      out.push_back({"error", name + " is FATAL: " + note,
                     "smctl logs " + name + "; when it is mended: smctl restart " + name});
    else if (state == "BACKOFF")
      out.push_back({"warning", name + " keeps failing: " + note, "smctl logs " + name});
    else if (!text_in(service, "waits_for").empty())
      out.push_back({"warning", name + " does not start: " + note,
                     "smctl status " + text_in(service, "waits_for")});
    if (service.value("outdated", false))
      out.push_back({"warning", name + " runs an older executable than the one that is there",
                     "smctl reload --outdated " + name});
  }
  if (out.size() == before) out.push_back({"ok", counts_line(listing)});
}

void look_at_queues(session& s, std::vector<finding>& out) {
  auto queues = s.ask(request_for("queues.list"));
  if (!queues) {
    out.push_back({"error", "the queue does not answer: " + queues.error().detail,
                   "see 'queue.url' of the manager and its log"});
    return;
  }
  auto before = out.size();
  for (auto& q : queues->at("queues")) {
    auto name = text_in(q, "name");
    if (q.value("paused", false))
      out.push_back({"warning", "the queue " + name + " is paused", "smctl queue resume " + name});
    else if (number_in(q, "latency_s") > latency_wanted_s)
      out.push_back({"warning",
                     fmt::format("the oldest job of {} waits for {}", name,
                                 short_time(static_cast<std::int64_t>(number_in(q, "latency_s")))),
                     "smctl status 'consumer.*'; smctl scale consumer.NAME +1"});
  }
  if (auto dead = number_in(*queues, "dead"); dead > 0)
    out.push_back({"warning", fmt::format("{:.0f} jobs failed for good", dead),
                   "smctl queue failed; smctl queue requeue all"});
  if (out.size() == before) out.push_back({"ok", "the queue answers, and nothing waits for long"});
}

/// The file as it is now, beside what runs.
void look_at_configuration(session& s, const json& manager, std::vector<finding>& out) {
  auto file = text_in(manager, "config");
  if (file.empty()) return;
  auto plan = s.ask(request_for("config.plan", {}, {}, "{}"));
  if (!plan) return out.push_back({"error", file + ": " + plan.error().detail, "smctl plan"});
  auto errors = plan->at("errors").size(), changes = changes_in(*plan);
  if (errors > 0)
    out.push_back({"error",
                   fmt::format("{} has {} mistake{}", file, errors, errors == 1 ? "" : "s"),
                   "smctl plan"});
  else if (changes > 0)
    out.push_back({"warning", file + " says something else than what runs",
                   "smctl plan shows what; smctl apply does it"});
  else
    out.push_back({"ok", "what runs is what " + file + " says"});
}

void look_at_version(const json& manager, std::vector<finding>& out) {
  if (auto version = text_in(manager, "version"); version != SM_VERSION)
    out.push_back({"warning", "the manager is of version " + version + ", smctl of " + SM_VERSION,
                   "smctl daemon reexec, once both are installed"});
}

void look_at_folder(const fs::path& folder, std::vector<finding>& out) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return;
  if ((status.st_mode & 077) != 0)
    out.push_back({"error", "others may enter the state folder " + folder.string(),
                   "chmod 700 '" + folder.string() + "'"});
  std::error_code ec;
  auto room = fs::space(folder, ec);
  if (!ec && room.available < room_wanted)
    out.push_back({"error",
                   "only " + short_size(static_cast<double>(room.available)) +
                       " are left where the state folder is",
                   "make room: a full disk refuses changes and loses lines of logs"});
  else if (!ec)
    out.push_back({"ok", "the state folder is " + folder.string() + ", with " +
                             short_size(static_cast<double>(room.available)) + " of room"});
}

void look_at_process(pid_t pid, std::vector<finding>& out) {
  rlimit limit{};
  if (pid > 0 && ::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0 &&
      limit.rlim_cur < descriptors_wanted)
    out.push_back({"warning", fmt::format("the manager may have {} descriptors", limit.rlim_cur),
                   "LimitNOFILE= of its unit, or ulimit -n"});
  std::ifstream file("/proc/sys/kernel/pid_max");
  long pids = 0;
  if (file >> pids && pids < 4096)
    out.push_back(
        {"warning", fmt::format("the system has {} process ids", pids), "sysctl kernel.pid_max"});
}

result<int> doctor(session& s) {
  std::vector<finding> all;
  auto begin = clock::now();
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto took = std::chrono::duration<double, std::milli>(clock::now() - begin).count();
  all.push_back({took > 250 ? "warning" : "ok",
                 fmt::format("the manager at {} answers in {:.1f} ms", s.server().text(), took),
                 took > 250 ? "something holds its loop: see its log" : ""});
  auto manager = s.ask(request_for("daemon.show"));
  if (!manager) return tl::unexpected<error>(manager.error());
  if (process_here(*manager)) {
    look_at_folder(text_in(*manager, "state"), all);
    look_at_process(static_cast<pid_t>(number_in(*manager, "pid")), all);
  } else {
    all.push_back({"ok", "the manager runs elsewhere: its folder and limits are not looked at"});
  }
  look_at_version(*manager, all);
  look_at_configuration(s, *manager, all);
  look_at_services(*listing, all);
  look_at_queues(s, all);
  bool wrong = false;
  json documents = json::array();
  std::string text;
  for (auto& f : all) {
    std::string_view level = f.level;
    wrong = wrong || level == "error";
    documents.push_back({{"level", f.level}, {"what", f.what}, {"remedy", f.remedy}});
    auto mark = level == "ok" ? tone::good : level == "error" ? tone::bad : tone::warning;
    text += toned(fmt::format("{:<8}", f.level), mark, s.screen.colour) + harmless(f.what) + "\n";
    if (!f.remedy.empty()) text += "          " + harmless(f.remedy) + "\n";
  }
  if (s.as_json())
    s.show({{"findings", documents}}, "findings");
  else
    put(text);
  return wrong ? exits::failed : exits::ok;
}

}  // namespace

void add_daemon_verbs(handlers& to) {
  to["daemon status"] = daemon_status;
  to["daemon reexec"] = daemon_reexec;
  to["daemon stop"] = daemon_stop;
  to["doctor"] = doctor;
}

}  // namespace sm::ctl
