#include "consumer.hpp"

#include <boost/asio/post.hpp>

#include "queue/payload.hpp"
#include "queue/worker_id.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr auto slow_poll = 1s;  // the safety net below the wake-ups
constexpr auto retry_pause_min = 50ms;
constexpr auto retry_pause_max = 2000ms;

std::unique_ptr<job_store> open_or_throw(const process_settings& settings) {
  queue_config config{.payload_max = settings.payload_max,
                      .lease = std::chrono::milliseconds(settings.lease_ms),
                      .enqueue_timeout = std::chrono::milliseconds(settings.enqueue_timeout_ms)};
  auto store = open_job_store(settings.queue_url, config);
  if (!store) throw failure(store.error());
  return std::move(*store);
}

consumer_params read_params(const json& document) {
  auto params = from_json_value<consumer_params>(document);
  if (!params) throw failure(params.error());
  if (params->queues.empty())
    throw failure(errc::invalid_spec, "a consumer needs a queue", "/params/queues");
  for (auto& queue : params->queues)
    if (!valid_queue_name(queue))
      throw failure(errc::invalid_spec, "'" + queue + "' is no queue name", "/params/queues");
  if (params->concurrency < 1 || params->concurrency > 1000)
    throw failure(errc::invalid_spec, "must be from 1 to 1000", "/params/concurrency");
  return std::move(*params);
}

}  // namespace

consumer::consumer(service_context context, std::shared_ptr<const job_registry> jobs,
                   const process_settings& settings)
    : service(std::move(context)),
      jobs_(std::move(jobs)),
      params_(read_params(params())),
      lease_(settings.lease_ms),
      worker_(worker_id(::getpid(), params_.queues)),
      claims_(open_or_throw(settings)),
      renewals_(open_or_throw(settings)),
      slots_(params_.concurrency) {
  auto wake = wake_up_receiver::open(sqlite_path(settings.queue_url));
  if (!wake) throw failure(wake.error());
  wake_.emplace(std::move(*wake));
  command("status", [this] {
    std::lock_guard lock(mutex_);
    json hand = json::array();
    for (auto& [tag, id] : in_hand_) hand.push_back(id);
    return json{
        {"worker", worker_}, {"performed", performed_}, {"failed", failed_}, {"in_hand", hand}};
  });
  claimer_ = std::thread([this] { claim_loop(); });
  renewer_ = std::thread([this] { renew_loop(); });
}

consumer::~consumer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  wake_->interrupt();
  if (claimer_.joinable()) claimer_.join();
  slots_.join();
  stopped_.notify_all();
  if (renewer_.joinable()) renewer_.join();
  if (!outcomes_.empty())
    if (auto ended = claims_->exchange(outcomes_, {.worker = worker_, .queues = {}, .max = 0});
        !ended)
      log().error("jobs that are done may run again: {}", to_string(ended.error()));
}

/// Ends what is done and claims what there is room for, in one transaction; waits when there is
/// neither.
void consumer::claim_loop() {
  auto pause = retry_pause_min;
  bool announced = false;
  for (;;) {
    std::vector<job_outcome> done;
    claim_request rq{.worker = worker_, .queues = params_.queues, .max = 0, .lease = lease_};
    {
      std::lock_guard lock(mutex_);
      // While it stops it claims no more, but what is done is handed back as it comes.
      if (stopping_ && in_hand_.empty()) return;
      done = std::exchange(outcomes_, {});
      if (!stopping_)
        rq.max = params_.concurrency - static_cast<unsigned>(in_hand_.size() - done.size());
    }
    auto exchanged = claims_->exchange(done, rq);
    if (!exchanged) {
      log().warn("the queue does not answer: {}", to_string(exchanged.error()));
      {
        std::unique_lock lock(mutex_);
        outcomes_.insert(outcomes_.begin(), done.begin(), done.end());
        stopped_.wait_for(lock, pause);
      }
      pause = std::min(pause * 2, retry_pause_max);
      continue;
    }
    pause = retry_pause_min;
    if (exchanged->accepted < done.size())
      log().warn("{} outcomes came after their lease ran out", done.size() - exchanged->accepted);
    {
      std::lock_guard lock(mutex_);
      for (auto& o : done) in_hand_.erase(o.tag);
      for (auto& d : exchanged->claimed) in_hand_[d.tag] = d.id;
    }
    for (auto& d : exchanged->claimed)
      boost::asio::post(slots_, [this, d = std::move(d)] { perform(d); });
    if (!exchanged->claimed.empty()) continue;
    if (rq.max > 0 && !std::exchange(announced, true)) {
      wake_->announce();
      continue;  // a job may have come just before
    }
    wake_->wait(slow_poll);
    if (std::exchange(announced, false)) wake_->withdraw();
  }
}

void consumer::perform(const delivery& d) {
  auto outcome = attempt(d);
  if (!outcome.exception.empty())
    log().error("job {} failed: {}: {}", d.id, outcome.exception, outcome.text);
  {
    std::lock_guard lock(mutex_);
    ++performed_;
    if (!outcome.exception.empty()) ++failed_;
    outcomes_.push_back(std::move(outcome));
  }
  wake_->interrupt();
}

job_outcome consumer::attempt(const delivery& d) {
  auto payload = decode_payload(d.payload);
  if (!payload) return {d.tag, "sm::BadPayload", to_string(payload.error())};
  auto* run = jobs_->find(payload->type);
  if (!run)
    return {d.tag, "sm::UnknownJobType", "this program has no job type '" + payload->type + "'"};
  auto argument = payload->argument();
  log().info("performing {} {} {}", payload->type, d.id, print_json(argument));
  job_context context(d.id, d.queue, d.attempt, log());
  try {
    (*run)(argument, context);
    return {d.tag, {}, {}};
  } catch (const failure& e) {
    return {d.tag, "sm::" + std::string(to_string(e.reason().code)), to_string(e.reason())};
  } catch (const std::exception& e) {
    return {d.tag, "std::exception", e.what()};
  } catch (...) {
    return {d.tag, "unknown", "threw something that is no std::exception"};
  }
}

void consumer::renew_loop() {
  for (;;) {
    std::vector<delivery_tag> held;
    {
      std::unique_lock lock(mutex_);
      // While it stops, the jobs in hand still need their leases.
      auto all_done = [this] { return stopping_ && in_hand_.size() <= outcomes_.size(); };
      if (stopped_.wait_for(lock, lease_ / 3, all_done)) return;
      for (auto& [tag, id] : in_hand_) held.push_back(tag);
    }
    if (!held.empty()) {
      auto lost = renewals_->renew(held, lease_);
      if (!lost)
        log().warn("cannot renew leases: {}", to_string(lost.error()));
      else if (!lost->empty())
        log().warn("{} leases are lost: their jobs may run elsewhere", lost->size());
    }
    if (auto reaped = renewals_->reap(); reaped && *reaped > 0)
      log().warn("{} jobs of silent consumers are ready again", *reaped);
  }
}

}  // namespace sm
