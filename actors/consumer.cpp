#include "consumer.hpp"

#include <bsd/unistd.h>

#include <algorithm>
#include <csignal>

#include "http/body_fields.hpp"
#include "queue/consumer/fork_runner.hpp"
#include "queue/payload.hpp"
#include "queue/queue_order.hpp"
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

result<consumer_params> read_consumer_params(const json& document) {
  const std::string where = "/params";
  auto wrong = [&](std::string why, const char* key) {
    return fail(errc::invalid_spec, std::move(why), where + "/" + key);
  };
  consumer_params p;
  try {
    refuse_unknown(document,
                   {"queues", "concurrency", "isolate", "min", "max", "latency", "cool_down"},
                   where);
    p.queues = field(document, "queues", p.queues, where);
    p.concurrency = field(document, "concurrency", p.concurrency, where);
    p.isolate = field(document, "isolate", p.isolate, where);
    p.min = field(document, "min", p.min, where);
    p.max = field(document, "max", p.max, where);
    p.latency = duration_field(document, "latency", p.latency, where);
    p.cool_down = duration_field(document, "cool_down", p.cool_down, where);
  } catch (const failure& e) {
    return fail(errc::invalid_spec, e.reason().detail, e.reason().where);
  }
  for (auto& queue : p.queues)
    if (auto why = check_queue_pattern(queue); !why.empty()) return wrong(why, "queues");
  if (std::all_of(p.queues.begin(), p.queues.end(), [](auto& q) { return q.starts_with('!'); }))
    return wrong("a consumer needs a queue", "queues");
  if (p.concurrency < 1 || p.concurrency > 1000)
    return wrong("must be from 1 to 1000", "concurrency");
  if (p.max > 1000) return wrong("must be from 0 to 1000", "max");
  if (p.max > 0 && p.min > p.max) return wrong("must not be over max", "min");
  if (p.latency.count() == 0) return wrong("must be over 0", "latency");
  return p;
}

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
                {"performed", all.count()},
                {"seconds", all.seconds},
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
