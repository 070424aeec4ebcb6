#include "builtin/program_adapter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <sm/guarded.hpp>

#include "process/identity.hpp"
#include "process/pidfd.hpp"
#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "process/program.hpp"
#include "system/lost_time.hpp"
#include "system/signal_names.hpp"
#include "text/numbers.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr int children_at_once = 64;  // before other things are looked at
constexpr auto look_again = 20ms;     // for what nothing tells of: a pid file, the end of a tree
constexpr auto kill_patience = 3s;    // for processes to heed SIGKILL; the fork server has the rest

std::pair<unique_fd, unique_fd> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw failure(errc::unavailable, "cannot make a pipe");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

exit_status from_wait(int status) {
  if (WIFSIGNALED(status)) return killed_by{WTERMSIG(status)};
  return exited_with{WEXITSTATUS(status)};
}

/// The pid that a daemon wrote down, 0 when there is none: the first line, as systemd reads it.
pid_t read_pid_file(const std::string& path) {
  std::array<char, 32> buffer{};
  unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  auto n = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
  if (n <= 0) return 0;
  std::string_view line(buffer.data(), static_cast<std::size_t>(n));
  line = line.substr(0, line.find_first_of(std::string_view("\n\r\0", 3)));
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  line = line.substr(0, line.find_last_not_of(" \t") + 1);
  return parse_integer<pid_t>(line, 1).value_or(0);
}

/// What the program is told about itself.
start_variables own_variables_of(const std::string& service, const std::string& instance) {
  return {{"SM_SERVICE", service},
          {"SM_INSTANCE", instance},
          {"SM_INSTANCE_NUMBER", instance.substr(instance.rfind(':') + 1)}};
}

}  // namespace

program_adapter::program_adapter(service_context context, const builtin_setup& setup)
    : service(std::move(context)),
      spec_(with_variables(setup.spec, own_variables_of(name(), instance()))),
      host_(setup.host),
      log_file_(setup.log),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      beat_every_(setup.spec.watchdog) {
  command("status", [this] { return status(); });
  host_.take_signals({SIGCHLD}, [this](int) { wake(); });
  try {
    start(setup);
  } catch (...) {
    host_.take_signals({}, {});
    throw;
  }
  host_.hold_ready();
  host_.answer_pings_while([this] { return shows_life(); });
  host_.on_signal([this](int number) { signal_program(number); });
  try {
    watcher_ = std::thread([this] { go_on(&program_adapter::watch); });
    caretaker_ = std::thread([this] { go_on(&program_adapter::look_after); });
  } catch (...) {  // no memory, or a limit on tasks
    signal_program(SIGKILL);
    if (watcher_.joinable()) watcher_.join();
    host_.take_signals({}, {});
    throw;
  }
}

void program_adapter::start(const builtin_setup& setup) {
  // With the instance's number put in, a port may have become none.
  if (auto ok = validate(spec_); !ok) throw failure(ok.error());
  auto who = resolve_identity(spec_);
  if (!who) throw failure(who.error());
  uid_ = who->uid.value_or(::geteuid());
  auto [out, out_end] = make_pipe();
  auto [err, err_end] = make_pipe();
  unique_fd ready_end;
  program_streams streams{.output = out_end.get(), .errors = err_end.get()};
  if (!spec_.sockets.empty()) {
    streams.descriptors = host_.sockets();
    streams.variables.emplace_back("LISTEN_FDS", std::to_string(streams.descriptors.size()));
    // The service's name for each, as systemd has its unit's.
    std::string names = name();
    for (std::size_t i = 1; i < streams.descriptors.size(); ++i) names += ":" + name();
    streams.variables.emplace_back("LISTEN_FDNAMES", std::move(names));
    streams.listen_pid = true;
  }
  if (spec_.ready.kind == "fd") {
    std::tie(ready_pipe_, ready_end) = make_pipe();
    streams.variables.emplace_back("SM_READY_FD", std::to_string(3 + streams.descriptors.size()));
    streams.descriptors.push_back(ready_end.get());
  }
  if (spec_.ready.kind == "notify") {
    auto socket = notify_socket::open(setup.state_folder, instance(), who->uid);
    if (!socket) throw failure(socket.error());
    notify_.emplace(std::move(*socket));
    streams.variables.emplace_back("NOTIFY_SOCKET", notify_->address());
    if (spec_.watchdog.count() > 0)
      streams.variables.emplace_back("WATCHDOG_USEC",
                                     std::to_string(spec_.watchdog.count() * 1000));
  }
  auto own = own_variables_of(name(), instance());
  streams.variables.insert(streams.variables.end(), own.begin(), own.end());
  auto pid = start_program(spec_, streams);
  if (!pid) throw failure(pid.error());
  first_ = *pid;
  set_main(*pid, open_pidfd(*pid));
  output_.fd = std::move(out);
  errors_.fd = std::move(err);
  log().info("{} runs as pid {}", spec_.command.front(), *pid);
}

program_adapter::~program_adapter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ask_to_end();
  changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  if (caretaker_.joinable()) caretaker_.join();
  host_.take_signals({}, {});
  if (how_) host_.end_stopped(*how_);
}

/// What one of the threads does, begun anew after an exception, such as one for lack of memory.
void program_adapter::go_on(void (program_adapter::*work)()) {
  while (!guarded("the care for " + instance(), [&] { (this->*work)(); }))
    std::this_thread::sleep_for(100ms);
}

// -- the watcher's thread: what comes from the program, and its end

void program_adapter::watch() {
  do {
    await_events();
    collect_children();
    look_at_main();
    act_on_time();
  } while (!over());
  drain();
  exit_status how;
  std::string why;
  bool failure = false;
  {
    std::lock_guard lock(mutex_);
    how = *how_;
    why = why_ended_;
    failure = failure_;
  }
  log().info("{} (pid {}) ended: {}", spec_.command.front(), first_, to_string(how));
  host_.end(how, why, failure);
}

void program_adapter::await_events() {
  std::array<pollfd, 6> watched{pollfd{wake_.get(), POLLIN, 0},
                                pollfd{process_.get(), POLLIN, 0},
                                pollfd{output_.fd.get(), POLLIN, 0},
                                pollfd{errors_.fd.get(), POLLIN, 0},
                                pollfd{notify_ ? notify_->fd() : -1, POLLIN, 0},
                                pollfd{ready_pipe_.get(), POLLIN, 0}};
  ::poll(watched.data(), watched.size(), static_cast<int>(patience().count()));
  std::uint64_t drop = 0;
  if (::read(wake_.get(), &drop, sizeof drop) > 0 || watched[1].revents != 0)
    children_changed_ = true;
  if (watched[2].revents != 0) read_stream(output_);
  if (watched[3].revents != 0) read_stream(errors_);
  if (watched[4].revents != 0) read_notifications();
  if (watched[5].revents != 0) {
    char byte = 0;
    auto n = ::read(ready_pipe_.get(), &byte, 1);
    if (n == 1 && byte == '\n') became_ready();
    if (n == 0) ready_pipe_.reset();
  }
}

std::chrono::milliseconds program_adapter::patience() {
  constexpr auto longest = std::chrono::milliseconds(1h);
  auto until = std::min({output_.flush_at, errors_.flush_at, look_at_, show_at_});
  {
    std::lock_guard lock(mutex_);
    // Once it has ended, what is left is looked at and killed again by look_at_.
    if (!ended_ || kill_at_ > clock::now()) until = std::min(until, kill_at_);
    if (beat_ && !ended_ && !leaving_ && beat_every_.count() > 0)
      until = std::min(until, *beat_ + beat_every_);
  }
  auto now = clock::now();
  if (until >= now + longest) return longest;
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - now), 0ms);
}

/// This process is the subreaper of the program's tree: whatever loses its parent is to be
/// collected here, and at once, or it counts as a task for ever.
void program_adapter::collect_children() {
  if (!std::exchange(children_changed_, false)) return;
  for (int n = 0; n < children_at_once; ++n) {
    siginfo_t ended{};
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0) {
      alone_ = errno == ECHILD;
      return;
    }
    alone_ = false;
    if (ended.si_pid == 0) return;
    // All that it sent has arrived, and as long as it is not collected it can be told whose it was.
    if (notify_) read_notifications();
    std::unique_lock lock(mutex_);
    int status = 0;
    ::waitpid(ended.si_pid, &status, 0);
    if (ended.si_pid != main_) continue;
    main_ = 0;  // under the lock that it was collected under: its number may be another's by now
    lock.unlock();
    main_ended(ended.si_pid, from_wait(status));
  }
  children_changed_ = true;
  wake();
}

/// A main process that is no child of ours, because the one that made it lives, is collected there.
void program_adapter::look_at_main() {
  if (!process_) return;
  pollfd watched{process_.get(), POLLIN, 0};
  if (::poll(&watched, 1, 0) <= 0) return;
  siginfo_t ended{};
  auto pid = main_pid();
  if (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0) {
    children_changed_ = true;
    return wake();
  }
  {
    std::lock_guard lock(mutex_);
    main_ = 0;
  }
  main_ended(pid, read_exit_status(pid));
}

/// The watcher calls it once for each main process.
void program_adapter::main_ended(pid_t ended, const exit_status& how) {
  process_.reset();
  {
    std::lock_guard lock(mutex_);
    how_ = how;
  }
  if (!spec_.pid_file.empty()) {
    look_for_daemon();
    if (process_) return;
    std::lock_guard lock(mutex_);
    if (ended == first_ && how == exit_status{exited_with{0}} && !stopping_ && !leaving_) {
      look_at_ = clock::now() + look_again;  // it went to the background, and will say where
      return;
    }
  }
  auto left = !descendants_of(::getpid()).empty();
  std::lock_guard lock(mutex_);
  ended_ = true;
  if (left && how == exit_status{exited_with{0}} && !stopping_ && why_ended_.empty() &&
      spec_.pid_file.empty())
    why_ended_ = "left processes behind: run it in the foreground, or set pid_file";
  // What it leaves behind has no time, or all that a stop takes.
  auto now = clock::now();
  kill_at_ = spec_.kill_mode == "mixed" ? now : std::min(kill_at_, now + spec_.stop_timeout);
  if (left && spec_.kill_mode == "group")
    signal_group(group_, parse_signal(spec_.stop_signal).value_or(SIGTERM));
  children_changed_ = true;
  look_at_ = now;
  changed_.notify_all();
}

/// Takes the process that the pid file names for the main one, if it is of the program's tree.
void program_adapter::look_for_daemon() {
  auto pid = read_pid_file(spec_.pid_file);
  if (pid <= 1 || pid == ::getpid()) return;
  auto process = open_pidfd(pid);  // first: it cannot become another process's from then on
  auto s = read_proc_stat(pid);
  if (!process || !s || s->state == 'Z' || !descends_from(pid, ::getpid())) return;
  set_main(pid, std::move(process));
  log().info("{} runs in the background as pid {}", spec_.command.front(), pid);
}

void program_adapter::set_main(pid_t pid, unique_fd process) {
  auto group = ::getpgid(pid);
  {
    std::lock_guard lock(mutex_);
    main_ = pid;
    group_ = pid == first_ ? pid : group;
    view_.main_pid = pid;
    how_.reset();
  }
  process_ = std::move(process);
  changed_.notify_all();
  show_later();
}

void program_adapter::act_on_time() {
  auto now = clock::now();
  for (auto* s : {&output_, &errors_})
    if (now >= s->flush_at) flush_lines(*s);
  if (now >= show_at_) show(now);
  judge_beats(now);
  std::unique_lock lock(mutex_);
  bool lost = !ended_ && main_ == 0;
  bool late = now >= kill_at_;
  if (auto paused = lost_time(kill_at_, now); !ended_ && paused.count() > 0) {
    kill_at_ = now + std::min(paused, spec_.stop_timeout);
    late = false;
  }
  lock.unlock();
  if (late) kill_tree();
  if (lost) {
    look_for_daemon();
    lock.lock();
    if (main_ != 0) look_at_ = time_point::max();
    if (main_ == 0 && alone_) {
      ended_ = failure_ = true;
      if (!stopping_) why_ended_ = "nothing runs that " + spec_.pid_file + " names";
      changed_.notify_all();
    }
    lock.unlock();
  }
  if (now >= look_at_) {
    children_changed_ = true;
    look_at_ = now + look_again;
  }
}

void program_adapter::kill_tree() {
  for (auto pid : descendants_of(::getpid())) ::kill(pid, SIGKILL);
  look_at_ = std::min(look_at_, clock::now() + look_again);
  std::lock_guard lock(mutex_);
  if (!ended_) kill_at_ = clock::now() + look_again;  // what has just been forked, too
}

bool program_adapter::over() {
  std::lock_guard lock(mutex_);
  if (!ended_) return false;
  return alone_ || (clock::now() >= kill_at_ && clock::now() - kill_at_ >= kill_patience);
}

// -- from any thread

void program_adapter::wake() const {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
}

pid_t program_adapter::main_pid() {
  std::lock_guard lock(mutex_);
  return main_;
}

/// To the main process or its group, by `kill_mode`. It is collected under the same lock, so its
/// number is nobody else's.
void program_adapter::signal_program(int number) {
  std::lock_guard lock(mutex_);
  if (main_ == 0) {
    if (!ended_)
      for (auto pid : descendants_of(::getpid())) ::kill(pid, number);
  } else if (spec_.kill_mode == "group") {
    signal_group(group_, number);
  } else {
    ::kill(main_, number);
  }
}

/// The stop signal, and SIGKILL to the whole tree when it is not heeded in time.
void program_adapter::ask_to_end() {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return wake();
    leaving_ = true;
    kill_at_ = std::min(kill_at_, clock::now() + spec_.stop_timeout);
  }
  signal_program(parse_signal(spec_.stop_signal).value_or(SIGTERM));
  signal_program(SIGCONT);
  wake();
}

/// The policy decides what comes then.
void program_adapter::end_program(const std::string& why) {
  {
    std::lock_guard lock(mutex_);
    if (ended_ || leaving_) return;
    why_ended_ = why;
    failure_ = true;
  }
  ask_to_end();
}

}  // namespace sm
