#include "builtin/consumer.hpp"

#include <bsd/unistd.h>

#include <algorithm>
#include <csignal>

#include "queue/consumer/fork_runner.hpp"
#include "queue/payload.hpp"
#include "queue/worker_id.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

consumer_params checked(const json& document) {
  auto params = read_consumer_params(document);
  if (!params) throw failure(params.error());
  return std::move(*params);
}

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (auto& item : list) text += text.empty() ? item : "," + item;
  return text;
}

}  // namespace

consumer::consumer(service_context context, std::shared_ptr<const job_registry> jobs,
                   const std::vector<std::string>& argv, const builtin_setup& setup)
    : service(std::move(context)), host_(setup.host), grace_(setup.spec.stop_timeout * 45 / 100) {
  auto wanted = checked(params());
  worker_ = worker_id(::getpid(), wanted.queues);
  auto title = [instance = instance(), queues = joined(wanted.queues)](const work_in_hand& w) {
    // Resque and php-resque take who is not in the process table as "resque-1" for dead.
    if (w.jobs == 0)
      ::setproctitle("-sm %s resque-1: Waiting for %s", instance.c_str(), queues.c_str());
    else
      ::setproctitle("-sm %s resque-1: Processing %s since %lld [%s]%s", instance.c_str(),
                     w.queue.c_str(), static_cast<long long>(w.since_s), w.type.c_str(),
                     w.jobs == 1 ? "" : (" and " + std::to_string(w.jobs - 1) + " more").c_str());
  };
  title({});
  auto& config = setup.settings.queue;
  std::shared_ptr<job_runner> runner;
  if (wanted.isolate)
    runner = make_fork_runner(jobs,
                              {.log_file = setup.settings.log_file,
                               .instance = instance(),
                               .log_level = setup.settings.log_level,
                               .log_max_size = setup.spec.log.max_size,
                               .log_keep = setup.spec.log.keep,
                               .queue = config},
                              argv, log());
  else
    runner = make_thread_runner(jobs, std::make_shared<queue>(config.url, config, jobs), log());

  command("status", [this] {
    auto now = loop_->now();
    auto all = now.ended.sum();
    json status{{"worker", worker_},
                {"performed", all.took.count()},
                {"seconds", all.took.sum},
                {"in_hand", now.in_hand},
                {"paused", now.paused}};
    for (std::size_t i = 0; i < all.ended.size(); ++i)
      status[std::string(job_tally::outcomes[i])] = all.ended[i];
    return status;
  });
  command("pause", [this] { loop_->pause(true); });
  command("resume", [this] { loop_->pause(false); });

  consumer_callbacks to{
      .on_event =
          [&host = host_](const job_event& e) {  // a job may outlive this object
            json data{{"id", e.id},
                      {"type", e.type},
                      {"queue", e.queue},
                      {"attempt", e.attempt},
                      {"seconds", e.seconds}};
            if (!e.error.empty()) data["error"] = e.error;
            host.publish("job." + e.what, data);
          },
      .on_skipped =
          [&host = host_](unsigned count) {
            host.publish("job.skipped", {{"count", count}});
          },
      // Nobody else can end a thread.
      .on_overdue = [] { ::kill(::getpid(), SIGKILL); },
      // The way of every other end, which lets the service be destroyed.
      .on_drained = [] { ::kill(::getpid(), SIGTERM); },
      .on_work = title,
      .on_tallies = [&host = host_](const job_tallies& all) { host.report(all.encode()); }};
  loop_ = std::make_unique<consumer_loop>(consumer_options{.queue_url = config.url,
                                                           .config = config,
                                                           .worker = worker_,
                                                           .queues = wanted.queues,
                                                           .concurrency = wanted.concurrency,
                                                           .runner = std::move(runner)},
                                          std::move(jobs), log(), std::move(to));
  host_.take_signals({SIGQUIT, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGCONT},
                     [this](int number) { on_signal(number); });
}

consumer::~consumer() {
  if (loop_) {
    // A TERM from now on says that there is no more time.
    host_.take_signals({}, [this](int number) {
      if (number == SIGTERM || number == SIGINT) loop_->hurry();
    });
    loop_->drain(grace_);
    host_.report(loop_->now().ended.encode());
  }
  host_.take_signals({}, {});
  loop_.reset();
}

void consumer::on_signal(int number) {
  switch (number) {
    case SIGQUIT:
      return loop_->quit();
    case SIGTERM:
    case SIGINT:
      return loop_->hurry();
    case SIGUSR1:
      return loop_->kill_jobs();
    case SIGUSR2:
      return loop_->pause(true);
    case SIGCONT:
      return loop_->pause(false);
    default:
      return;
  }
}

}  // namespace sm
