#include "queue/redis/redis_store.hpp"

#include <algorithm>
#include <map>

#include "queue/failure_record.hpp"
#include "queue/payload.hpp"
#include "queue/redis/plugin_form.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

std::string_view name_of(job_outcome::kind how) {
  using kind = job_outcome::kind;
  switch (how) {
    case kind::failed_retry:
      return "failed_retry";
    case kind::failed_dead:
      return "failed_dead";
    case kind::cancelled:
      return "cancelled";
    case kind::crashed:
      return "crashed";
    case kind::returned:
      return "returned";
    case kind::done:
      break;
  }
  return "done";
}

/// A reply has room for the largest jobs that are enqueued here, several at a time; one of a
/// foreign producer may have half of it.
reply_limits limits_for(const queue_config& config) {
  reply_limits limits;
  limits.bytes = std::max<std::size_t>(limits.bytes, 4 * config.payload_max);
  return limits;
}

bool is_handed_back(job_outcome::kind how) {
  return how == job_outcome::kind::returned || how == job_outcome::kind::crashed;
}

}  // namespace

redis_job_store::redis_job_store(redis_url url, const queue_config& config)
    : config_(config),
      client_(std::move(url), config.enqueue_timeout, limits_for(config)),
      lists_(client_),
      producer_(client_, config.replicas),
      workers_(client_),
      dead_(client_, lists_),
      clock_(client_, lists_, dead_, config_),
      prefix_(client_.url().prefix) {}

result<std::vector<duplicate>> redis_job_store::enqueue(std::span<const new_job> jobs,
                                                        milliseconds patience) {
  return producer_.enqueue(jobs, patience);
}

result<exchange_result> redis_job_store::exchange(std::span<const job_outcome> outcomes,
                                                  const claim_request& rq) {
  auto queues = rq.max > 0 ? order_of(rq) : std::vector<std::string>{};
  if (!queues) return tl::unexpected<error>(queues.error());
  arguments a(prefix_);
  a << rq.worker;
  a.keep(resque_time(unix_ms())) << rq.lease.count() << rq.max << rq.alone
                                 << (rq.idle && outcomes.size() > 0) << rq.pass_suspects
                                 << client_.limits().bytes / 4 << client_.limits().bytes / 2;
  std::map<std::string_view, std::vector<std::int64_t>> done;
  std::vector<const job_outcome*> others;
  for (auto& o : outcomes) {
    if (o.how == job_outcome::kind::done && o.lock.empty() && o.status.empty())
      done[o.queue].push_back(o.tag.number);
    else
      others.push_back(&o);
  }
  a << done.size();
  for (auto& [queue, numbers] : done) {
    a << queue << numbers.size();
    for (auto number : numbers) a << number;
  }
  a << others.size();
  // Those that are handed back go to the head of their queue one by one: the last first, so that
  // they stand in their old order.
  std::sort(others.begin(), others.end(), [](auto* x, auto* y) {
    bool back = is_handed_back(x->how);
    if (back != is_handed_back(y->how)) return !back;
    return back ? x->tag > y->tag : x->tag < y->tag;
  });
  for (auto* o : others) add_outcome(a, *o, rq.worker);
  for (auto& queue : *queues) a << queue;

  auto reply = client_.eval(redis_scripts::exchange, a);
  if (!reply) return tl::unexpected<error>(reply.error());
  auto parts = elements_of(**reply);
  constexpr auto number = reply_kind::number;
  constexpr auto texts = reply_kind::texts;
  if (!are(parts, {number, number, number, texts, texts}) || parts[4]->elements % 6 != 0)
    return tl::unexpected<error>(client_.in_doubt("it answered a claim with something else"));
  exchange_result out;
  out.served = std::move(*queues);
  out.accepted = static_cast<std::size_t>(number_of(*parts[0]));
  out.suspect_waits = number_of(*parts[1]) != 0;
  out.look_again = milliseconds(number_of(*parts[2]));
  for (auto* queue : elements_of(*parts[3])) out.held_back.emplace_back(text_of(*queue));
  auto fields = elements_of(*parts[4]);
  for (std::size_t i = 0; i + 5 < fields.size(); i += 6)
    out.claimed.push_back({.tag = {number_of(*fields[i]), 0},
                           .queue = std::string(text_of(*fields[i + 1])),
                           .payload = std::string(text_of(*fields[i + 4])),
                           .failures = static_cast<unsigned>(number_of(*fields[i + 2])),
                           .crashes = static_cast<unsigned>(number_of(*fields[i + 3])),
                           .status = std::string(text_of(*fields[i + 5]))});
  for (auto& d : out.claimed) d.status_may_come = d.status.empty() && is_foreign_with_id(d.payload);
  return out;
}

result<std::vector<delivery_tag>> redis_job_store::renew(std::span<const delivery> held,
                                                         milliseconds lease) {
  arguments a(prefix_);
  a << lease.count();
  for (auto& d : held) a.keep(member_of(d.tag, d.queue));
  auto reply = client_.eval(redis_scripts::renew, a);
  if (!reply) return tl::unexpected<error>(reply.error());
  std::vector<delivery_tag> lost;
  for (auto* member : elements_of(**reply)) lost.push_back({number_of(text_of(*member)), 0});
  return lost;
}

result<std::size_t> redis_job_store::resync(const std::string& worker,
                                            std::span<const delivery_tag> held) {
  // The script compares numbers with their queues; which those are only Redis knows for sure.
  auto members = client_.call({"ZRANGE", key("sm:leases"), "0", "-1"});
  if (!members) return tl::unexpected<error>(members.error());
  std::vector<std::string> ours;
  for (auto* member : elements_of(**members))
    if (std::find(held.begin(), held.end(), delivery_tag{number_of(text_of(*member)), 0}) !=
        held.end())
      ours.emplace_back(text_of(*member));
  return give_back("resync", worker, ours);
}

result<std::vector<job_id>> redis_job_store::cancel_requests() {
  auto reply = client_.call({"HKEYS", key("sm:cancel")});
  if (!reply) return tl::unexpected<error>(reply.error());
  std::vector<job_id> ids;
  for (auto* id : elements_of(**reply)) ids.emplace_back(text_of(*id));
  return ids;
}

result<void> redis_job_store::put_status(
    std::span<const std::pair<job_id, std::string>> documents) {
  if (documents.empty()) return {};
  arguments a(prefix_);
  for (auto& [id, document] : documents)
    a << id << document << (has_ended(decode_status(document)) ? status_ttl : "");
  return nothing(client_.eval(redis_scripts::put_status, a));
}

result<void> redis_job_store::release_lock(const std::string& lock, const job_id& id) {
  return nothing(client_.eval(redis_scripts::release_lock, arguments(prefix_) << lock << id));
}

std::unique_ptr<job_waiter> redis_job_store::make_waiter() {
  return std::make_unique<redis_waiter>(client_.url(), key("sm:queues"));
}

std::unique_ptr<job_waiter> redis_job_store::make_clock_waiter() {
  return std::make_unique<redis_waiter>(client_.url(), key("sm:clock"));
}

result<void> redis_job_store::register_worker(const std::string& worker) {
  return workers_.register_worker(worker);
}

result<void> redis_job_store::unregister_worker(const std::string& worker) {
  return workers_.unregister_worker(worker);
}

result<std::size_t> redis_job_store::release(const std::string& worker) {
  auto count = give_back("worker", worker, {});
  if (!count) return count;
  if (auto ok = unregister_worker(worker); !ok) return tl::unexpected<error>(ok.error());
  return count;
}

result<void> redis_job_store::put_schedule(const stored_schedule& s, bool keep_last) {
  return clock_.put_schedule(s, keep_last);
}

result<bool> redis_job_store::remove_schedule(const std::string& name) {
  return clock_.remove_schedule(name);
}

result<firing> redis_job_store::fire(const std::string& name, std::int64_t last_ms,
                                     std::int64_t now, const new_job* job) {
  return clock_.fire(name, last_ms, now, job);
}

result<void> redis_job_store::tidy() {
  if (auto ok = workers_.forget_the_silent(); !ok) return ok;
  return clock_.tidy();
}

std::string redis_job_store::member_of(const delivery_tag& tag, const std::string& queue) {
  return std::to_string(tag.number) + ":" + queue;
}

void redis_job_store::add_outcome(arguments& a, const job_outcome& o,
                                  const std::string& worker) const {
  a << o.tag.number << o.queue << name_of(o.how) << o.retry_at_ms;
  bool dead = o.how == job_outcome::kind::failed_dead;
  a.keep(dead ? encode_failure({.failed_at = resque_time(unix_ms()),
                                .payload = o.payload,
                                .exception = o.exception,
                                .error = o.text,
                                .worker = worker,
                                .queue = o.queue})
              : std::string{});
  a.keep(o.how == job_outcome::kind::failed_retry ? plugin_form(o.payload, o.queue)
                                                  : std::string{});
  a << o.id << o.lock << o.status;
  a << (!o.status.empty() && has_ended(decode_status(o.status)) ? status_ttl : "");
}

result<std::vector<std::string>> redis_job_store::order_of(const claim_request& rq) {
  if (!has_patterns(rq.queues)) return queue_order(rq.queues, {});
  auto known = lists_.known_queues(rq.new_queues);
  if (!known) return known;
  return queue_order(rq.queues, *known);
}

result<std::size_t> redis_job_store::give_back(const char* mode, const std::string& worker,
                                               const std::vector<std::string>& held) {
  arguments a(prefix_);
  a << mode << worker;
  for (auto& member : held) a << member;
  auto reply = client_.eval(redis_scripts::give_back, a);
  if (!reply) return tl::unexpected<error>(reply.error());
  auto parts = elements_of(**reply);
  if (!are(parts, {reply_kind::number, reply_kind::texts}))
    return tl::unexpected<error>(client_.in_doubt("it answered a script with something else"));
  auto count = static_cast<std::size_t>(number_of(*parts[0]));
  auto dying = elements_of(*parts[1]);
  for (std::size_t i = 0; i + 3 < dying.size(); i += 4) {
    auto buried = bury(text_of(*dying[i]), text_of(*dying[i + 1]), text_of(*dying[i + 2]),
                       std::string(text_of(*dying[i + 3])));
    if (!buried) return tl::unexpected<error>(buried.error());
    count += *buried ? 1 : 0;
  }
  return count;
}

result<bool> redis_job_store::bury(std::string_view number, std::string_view queue,
                                   std::string_view worker, const std::string& bytes) {
  auto record = encode_failure({.failed_at = resque_time(unix_ms()),
                                .payload = bytes,
                                .exception = crash_exception,
                                .error = crash_text,
                                .worker = std::string(worker),
                                .queue = std::string(queue)});
  auto held = held_by(bytes, crash_text);
  if (!held) return tl::unexpected<error>(held.error());
  return truth(client_.eval(redis_scripts::bury,
                            arguments(prefix_) << number << queue << worker << record << held->id
                                               << held->lock << held->status << status_ttl));
}

result<redis_job_store::held_things> redis_job_store::held_by(const std::string& bytes,
                                                              const char* why) {
  auto document = bytes.empty() ? result<std::string>{} : status(key_of_job(bytes));
  if (!document) return tl::unexpected<error>(document.error());
  return held_by(bytes, *document, why);
}

redis_job_store::held_things redis_job_store::held_by(const std::string& bytes,
                                                      std::string_view document, const char* why) {
  held_things held{.id = key_of_job(bytes)};
  if (bytes.empty()) return held;
  if (auto job = decode_payload(bytes); job && !job->lock_expires) held.lock = job->lock;
  if (document.empty()) return held;
  auto s = decode_status(std::string(document));
  if (has_ended(s)) return held;
  s.status = job_status::phase::failed;
  s.error = why;
  s.updated_s = unix_ms() / 1000;
  held.status = encode_status(s);
  return held;
}

std::unique_ptr<job_store> make_redis_job_store(redis_url url, const queue_config& config) {
  return std::make_unique<redis_job_store>(std::move(url), config);
}

}  // namespace sm
