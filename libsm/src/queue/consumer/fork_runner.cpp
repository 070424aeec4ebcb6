#include "queue/consumer/fork_runner.hpp"

#include <bsd/unistd.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <map>
#include <optional>
#include <sm/queue.hpp>

#include "process/rendezvous.hpp"
#include "process/spawn.hpp"
#include "queue/consumer/job_channel.hpp"
#include "system/unique_fd.hpp"
#include "telemetry/own_metrics.hpp"
#include "telemetry/span.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds begin_patience{10};  // for a fork
constexpr std::chrono::seconds exit_patience{5};    // for the server's word on a job that has ended

// -- the job's process

volatile std::sig_atomic_t asked_to_end = 0;

/// Why the consumer asked: it said so before it sent the signal.
cancel_reason reason_from(int channel) {
  if (asked_to_end == 0) return cancel_reason::none;
  pollfd watched{channel, POLLIN, 0};
  if (::poll(&watched, 1, 100) <= 0) return cancel_reason::must_go;
  auto f = read_frame(channel);
  if (!f || f->what != 'C') return cancel_reason::must_go;
  auto reason = parse_integer<int>(f->bytes, 0, static_cast<int>(cancel_reason::must_go));
  return reason ? static_cast<cancel_reason>(*reason) : cancel_reason::must_go;
}

class process_host : public detail::job_host {
 public:
  process_host(int channel, const job_server_settings& settings,
               std::shared_ptr<const job_registry> jobs)
      : channel_(channel), settings_(settings), jobs_(std::move(jobs)) {}

  /// For the programs that the job runs. This process has one thread.
  void begins() override { ::setenv("TRACEPARENT", current_trace().traceparent().c_str(), 1); }
  bool cancelled() const override { return asked_to_end != 0; }
  void progress(double share, std::string text) override {
    write_frame(
        channel_, 'R',
        print_json({{"share", share}, {"text", shortened(std::move(text), progress_text_max)}}));
  }
  const sm::queue& queue() override {
    if (!producer_) producer_.emplace(settings_.queue.url, settings_.queue, jobs_);
    return *producer_;
  }
  /// Waits until what the job enqueued is stored.
  void finish() { producer_.reset(); }

 private:
  const int channel_;
  const job_server_settings& settings_;
  const std::shared_ptr<const job_registry> jobs_;
  std::optional<sm::queue> producer_;
};

[[noreturn]] void perform_in_child(const std::shared_ptr<const job_registry>& jobs,
                                   const job_server_settings& settings, unique_fd channel,
                                   pid_t server) {
  ::setpgid(0, 0);  // what it starts is ended with it
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != server) ::_exit(70);  // it ended just before: the job is handed back
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction action {};
  action.sa_handler = [](int) { asked_to_end = 1; };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGINT, SIG_IGN);
  if (!write_frame(channel.get(), 'B', std::to_string(::getpid()))) ::_exit(70);
  auto description = read_frame(channel.get());
  auto payload = read_frame(channel.get());
  auto document = description ? parse_json(description->bytes) : result<json>{json{}};
  if (!payload || !document || !document->is_object()) ::_exit(70);
  auto& head = *document;
  delivery d{.tag = {head.value("number", std::int64_t{0}), head.value("epoch", std::int64_t{0})},
             .queue = head.value("queue", ""),
             .payload = payload->bytes,
             .failures = head.value("failures", 0U),
             .crashes = head.value("crashes", 0U),
             .status = head.value("status", ""),
             .status_may_come = head.value("status_may_come", false)};
  auto log = open_log({.file = settings.log_file,
                       .instance = settings.instance,
                       .level = settings.log_level,
                       .files = {settings.log_max_size, settings.log_keep}});
  ::setproctitle("-sm %s resque-1: Processing %s", settings.instance.c_str(), d.queue.c_str());
  forget_own_metrics();  // of the job server
  trace_scope of_attempt(read_traceparent(head.value("traceparent", "")).value_or(trace_context{}));
  process_host host(channel.get(), settings, jobs);
  auto p = perform(
      *jobs, d, log, &host, [&channel] { return reason_from(channel.get()); },
      head.value("chance", 0.5));
  host.finish();
  if (auto counted = changed_own_metrics(); !counted.empty())
    write_frame(channel.get(), 'M', encode(counted));
  auto& o = p.outcome;
  write_frame(channel.get(), 'O',
              print_json({{"how", static_cast<int>(o.how)},
                          {"retry_at", o.retry_at_ms},
                          {"exception", o.exception},
                          {"text", o.text},
                          {"id", o.id},
                          {"lock", o.lock},
                          {"status", o.status},
                          {"type", p.type}}));
  std::fflush(nullptr);
  ::_exit(0);
}

std::string ended_how(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with code " + std::to_string(WEXITSTATUS(status));
}

// -- the consumer's side

class fork_runner : public job_runner {
 public:
  fork_runner(std::shared_ptr<const job_registry> jobs, job_server_settings settings,
              std::vector<std::string> argv, logger log)
      : jobs_(std::move(jobs)),
        settings_(std::move(settings)),
        argv_(std::move(argv)),
        log_(std::move(log)) {}

  performance run(job_in_hand& job, double chance) override {
    auto& d = job.what;
    auto pair = channel_pair(SOCK_STREAM);
    auto server = pair ? hand_over(pair->second) : 0;
    if (server == 0) return not_begun(d, chance);
    auto& channel = pair->first;
    json head{{"number", d.tag.number},
              {"epoch", d.tag.epoch},
              {"queue", d.queue},
              {"failures", d.failures},
              {"crashes", d.crashes},
              {"status", d.status},
              {"status_may_come", d.status_may_come},
              {"chance", chance},
              {"traceparent", current_trace().traceparent()}};
    // A large payload is more than the channel holds: somebody must read it.
    timeval patience{.tv_sec = begin_patience.count(), .tv_usec = 0};
    ::setsockopt(channel.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!write_frame(channel.get(), 'D', print_json(head)) ||
        !write_frame(channel.get(), 'P', d.payload)) {
      // Either the server hangs, or only the process it made for this job.
      if (errno == EAGAIN && !kill_begun(channel.get())) end_server(server);
      return not_begun(d, chance);
    }
    set_channel(job, channel.get());
    std::optional<performance> done;
    std::string exit;
    bool begun = false;
    // Should the server hang, nobody says how a job ended, or begins one.
    auto quiet_since = clock::now();
    auto silence_max = [&]() -> clock::duration {
      return !begun                    ? begin_patience
             : done || job.kill_wanted ? exit_patience
                                       : clock::duration::max();
    };
    // Not until the channel closes: what the job left behind may hold it.
    while (exit.empty()) {
      pollfd watched{channel.get(), POLLIN, 0};
      int ready = ::poll(&watched, 1, 500);
      if (ready < 0) continue;
      if (ready == 0) {
        if (silence_max() == clock::duration::max()) quiet_since = clock::now();
        if (clock::now() - quiet_since < silence_max()) continue;
        // One that has begun is slow to die, or its server hangs: the next job will tell.
        if (!begun) end_server(server);
        break;
      }
      auto f = read_frame(channel.get());
      if (!f) break;
      quiet_since = clock::now();
      if (f->what == 'B') {
        begun = true;
        auto process = parse_integer<pid_t>(f->bytes, 2);
        if (!process) break;
        job.process = *process;
        // It was asked before it was there.
        if (job.kill_wanted)
          kill(job);
        else if (job.cancelled != cancel_reason::none)
          notify(job);
      }
      if (f->what == 'R') take_progress(job, f->bytes);
      if (f->what == 'M')
        if (auto counted = decode_families(f->bytes)) add_to_own_metrics(*counted);
      if (f->what == 'O') done = outcome_from(d, f->bytes);
      if (f->what == 'X') exit = f->bytes;
    }
    set_channel(job, -1);
    job.process = 0;
    if (!begun) return not_begun(d, chance);
    auto why = job.cancelled.load();
    if (done) return std::move(*done);
    performance p{.outcome = ended_from_outside(*jobs_, d, why, chance)};
    if (why == cancel_reason::none) {
      p.outcome.text = "the process of the job " + (exit.empty() ? std::string("is gone") : exit);
      p.type = decode_payload(d.payload).value_or(job_payload{}).type;
    }
    return p;
  }

  bool isolates() const override { return true; }

  void notify(job_in_hand& job) override {
    auto pid = job.process.load();
    if (pid <= 0) return;
    {
      std::lock_guard lock(job.mutex);
      auto why = std::to_string(static_cast<int>(job.cancelled.load()));
      if (job.channel >= 0) write_frame(job.channel, 'C', why);
    }
    ::kill(pid, SIGTERM);
  }
  bool kill(job_in_hand& job) override {
    job.kill_wanted = true;
    if (auto pid = job.process.load(); pid > 0) ::kill(-pid, SIGKILL);
    return true;
  }

 private:
  /// No process, no fault of the job: it is handed back, after a pause.
  performance not_begun(const delivery& d, double chance) {
    log_.error("cannot start a process for a job");
    ::poll(nullptr, 0, 100);
    return {.outcome = ended_from_outside(*jobs_, d, cancel_reason::must_go, chance)};
  }

  static void set_channel(job_in_hand& job, int channel) {
    std::lock_guard lock(job.mutex);
    job.channel = channel;
  }

  /// Kills a job's process that has said that it is there, and does not read on.
  static bool kill_begun(int channel) {
    pollfd watched{channel, POLLIN, 0};
    if (::poll(&watched, 1, 0) <= 0) return false;
    auto f = read_frame(channel);
    if (!f || f->what != 'B') return false;
    auto process = parse_integer<pid_t>(f->bytes, 2);
    if (process) ::kill(-*process, SIGKILL);
    return process.has_value();
  }

  /// One that does not answer. Its jobs end with it; the next job starts another.
  void end_server(pid_t hanging) {
    std::lock_guard lock(mutex_);
    if (server_pid_ != hanging) return;
    log_.error("the job server does not answer: it is ended");
    ::kill(server_pid_, SIGKILL);
    server_.reset();
  }

  /// The pid of the server that has the job now; 0 when there is none.
  pid_t hand_over(unique_fd& job_end) {
    std::lock_guard lock(mutex_);
    for (int tries = 0; tries < 2; ++tries) {
      if (!server_ && !start_server()) return 0;
      if (send_with_fds(server_.get(), "J", {job_end.get()}, MSG_NOSIGNAL)) {
        job_end.reset();
        return server_pid_;
      }
      server_.reset();
    }
    return 0;
  }

  bool start_server() {
    auto pair = channel_pair(SOCK_SEQPACKET);
    if (!pair) return false;
    if (server_pid_ > 0) ended_.push_back(std::exchange(server_pid_, 0));
    std::erase_if(ended_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    settings_.channel = inherited_number;
    auto pid = spawn(
        {.executable = "/proc/self/exe",
         .argv = argv_,
         .environment = {std::string(job_server_variable) + "=" + print_json(json(settings_))},
         .inherited_fd = pair->second.get()});
    if (!pid) {
      log_.error("cannot start the job server: {}", to_string(pid.error()));
      return false;
    }
    server_ = std::move(pair->first);
    server_pid_ = *pid;
    return true;
  }

  static void take_progress(job_in_hand& job, const std::string& text) {
    auto document = parse_json(text);
    if (!document || !document->is_object()) return;
    auto share = document->find("share");
    job.set_progress(share != document->end() && share->is_number() ? share->get<double>() : 0,
                     document->value("text", ""));
  }

  static performance outcome_from(const delivery& d, const std::string& text) {
    auto document = parse_json(text);
    auto j = document && document->is_object() ? *document : json::object();
    return {.outcome = {.tag = d.tag,
                        .queue = d.queue,
                        .how = static_cast<job_outcome::kind>(j.value("how", 0)),
                        .retry_at_ms = j.value("retry_at", std::int64_t{0}),
                        .exception = j.value("exception", ""),
                        .text = j.value("text", ""),
                        .payload = d.payload,
                        .id = j.value("id", ""),
                        .lock = j.value("lock", ""),
                        .status = j.value("status", "")},
            .type = j.value("type", "")};
  }

  const std::shared_ptr<const job_registry> jobs_;
  job_server_settings settings_;
  const std::vector<std::string> argv_;
  const logger log_;
  std::mutex mutex_;
  unique_fd server_;
  pid_t server_pid_ = 0;
  std::vector<pid_t> ended_;  // servers of before, until their exit status is taken
};

}  // namespace

std::shared_ptr<job_runner> make_fork_runner(std::shared_ptr<const job_registry> jobs,
                                             job_server_settings settings,
                                             std::vector<std::string> argv, logger log) {
  return std::make_shared<fork_runner>(std::move(jobs), std::move(settings), std::move(argv),
                                       std::move(log));
}

void serve_jobs(const std::shared_ptr<const job_registry>& jobs,
                const job_server_settings& settings) {
  ::setproctitle("-sm %s resque-1: job server", settings.instance.c_str());
  unique_fd channel(settings.channel);
  std::signal(SIGPIPE, SIG_IGN);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2})
    std::signal(number, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  unique_fd signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  std::map<pid_t, unique_fd> running;  // our copy of each job's end, to say how it ended
  for (;;) {
    pollfd watched[] = {{channel.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    ::poll(watched, 2, -1);
    signalfd_siginfo drop;
    while (::read(signals.get(), &drop, sizeof drop) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (auto job = running.extract(pid); !job.empty()) {
        ::kill(-pid, SIGKILL);  // what it left behind
        write_frame(job.mapped().get(), 'X', ended_how(status));
      }
    }
    if (watched[0].revents == 0) continue;
    auto received = receive_with_fds(channel.get(), 16);
    if (!received && received.error().code == errc::unavailable) break;
    if (!received || received->passed.empty()) continue;
    auto job = std::move(received->passed.front());
    auto server = ::getpid();
    auto pid = ::fork();
    if (pid == 0) {
      channel.reset();
      running.clear();
      perform_in_child(jobs, settings, std::move(job), server);
    }
    if (pid > 0) {
      ::setpgid(pid, pid);  // whoever of the two comes first
      running[pid] = std::move(job);
    }
  }
  for (auto& [pid, fd] : running) ::kill(-pid, SIGKILL);
  ::_exit(0);
}

}  // namespace sm
