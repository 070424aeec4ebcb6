#include "queue/redis/redis_job_store.hpp"

#include <algorithm>
#include <map>

#include "queue/failure_record.hpp"
#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/queue_order.hpp"
#include "queue/redis/plugin_form.hpp"
#include "queue/redis/redis_clock.hpp"
#include "queue/redis/redis_dead_jobs.hpp"
#include "queue/redis/redis_job_lists.hpp"
#include "queue/redis/redis_producer.hpp"
#include "queue/redis/redis_waiter.hpp"
#include "queue/redis/redis_workers.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds cancel_kept = 24h;

/// As Resque reads `pause-all-workers`: whatever the case, and with blanks around it.
bool is_true(std::string_view text) {
  std::string word;
  for (char c : text)
    if (c > ' ') word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word == "true";
}

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

class redis_job_store : public job_store {
 public:
  redis_job_store(redis_url url, const queue_config& config)
      : config_(config),
        client_(std::move(url), config.enqueue_timeout, limits_for(config)),
        lists_(client_),
        producer_(client_, config.replicas),
        workers_(client_),
        dead_(client_, lists_),
        clock_(client_, lists_, dead_, config_),
        prefix_(client_.url().prefix) {}

  // -- producers

  result<std::vector<duplicate>> enqueue(std::span<const new_job> jobs,
                                         milliseconds patience) override {
    return producer_.enqueue(jobs, patience);
  }
  bool in_doubt() const override { return producer_.in_doubt(); }

  // -- consumers

  result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                   const claim_request& rq) override {
    auto queues = rq.max > 0 ? order_of(rq.queues) : std::vector<std::string>{};
    if (!queues) return tl::unexpected<error>(queues.error());
    arguments a(prefix_);
    a << rq.worker;
    a.keep(resque_time(unix_ms()))
        << rq.lease.count() << rq.max << rq.alone << (rq.idle && outcomes.size() > 0)
        << rq.pass_suspects << client_.limits().bytes / 4 << client_.limits().bytes / 2;
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
    if (fields.empty())
      lists_.forget_known_queues();  // whoever finds nothing asks for new queues, too
    for (std::size_t i = 0; i + 5 < fields.size(); i += 6)
      out.claimed.push_back({.tag = {number_of(*fields[i]), 0},
                             .queue = std::string(text_of(*fields[i + 1])),
                             .payload = std::string(text_of(*fields[i + 4])),
                             .failures = static_cast<unsigned>(number_of(*fields[i + 2])),
                             .crashes = static_cast<unsigned>(number_of(*fields[i + 3])),
                             .status = std::string(text_of(*fields[i + 5]))});
    for (auto& d : out.claimed)
      d.status_may_come = d.status.empty() && is_foreign_with_id(d.payload);
    return out;
  }

  result<std::vector<delivery_tag>> renew(std::span<const delivery> held,
                                          milliseconds lease) override {
    arguments a(prefix_);
    a << lease.count();
    for (auto& d : held) a.keep(member_of(d.tag, d.queue));
    auto reply = client_.eval(redis_scripts::renew, a);
    if (!reply) return tl::unexpected<error>(reply.error());
    std::vector<delivery_tag> lost;
    for (auto* member : elements_of(**reply)) lost.push_back({number_of(text_of(*member)), 0});
    return lost;
  }

  result<std::size_t> resync(const std::string& worker,
                             std::span<const delivery_tag> held) override {
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

  result<std::vector<job_id>> cancel_requests() override {
    auto reply = client_.call({"HKEYS", key("sm:cancel")});
    if (!reply) return tl::unexpected<error>(reply.error());
    std::vector<job_id> ids;
    for (auto* id : elements_of(**reply)) ids.emplace_back(text_of(*id));
    return ids;
  }

  result<void> put_status(std::span<const std::pair<job_id, std::string>> documents) override {
    if (documents.empty()) return {};
    arguments a(prefix_);
    for (auto& [id, document] : documents)
      a << id << document << (has_ended(decode_status(document)) ? status_ttl : "");
    return nothing(client_.eval(redis_scripts::put_status, a));
  }

  result<void> release_lock(const std::string& lock, const job_id& id) override {
    return nothing(client_.eval(redis_scripts::release_lock, arguments(prefix_) << lock << id));
  }

  std::unique_ptr<job_waiter> make_waiter() override {
    return std::make_unique<redis_waiter>(client_.url(), key("sm:queues"));
  }
  std::unique_ptr<job_waiter> make_clock_waiter() override {
    return std::make_unique<redis_waiter>(client_.url(), key("sm:clock"));
  }

  result<void> register_worker(const std::string& worker) override {
    return workers_.register_worker(worker);
  }
  result<void> heartbeat(const std::string& worker) override { return workers_.heartbeat(worker); }
  result<void> unregister_worker(const std::string& worker) override {
    return workers_.unregister_worker(worker);
  }
  result<std::vector<std::string>> warnings() override { return workers_.warnings(); }

  result<std::size_t> release(const std::string& worker) override {
    auto count = give_back("worker", worker, {});
    if (!count) return count;
    if (auto ok = unregister_worker(worker); !ok) return tl::unexpected<error>(ok.error());
    return count;
  }

  result<std::size_t> reap() override { return give_back("reap", "", {}); }

  // -- the clock

  result<std::int64_t> move_due() override { return clock_.move_due(); }
  result<std::vector<stored_schedule>> schedules() override { return clock_.schedules(); }
  result<void> put_schedule(const stored_schedule& s, bool keep_last) override {
    return clock_.put_schedule(s, keep_last);
  }
  result<bool> remove_schedule(const std::string& name) override {
    return clock_.remove_schedule(name);
  }
  result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                      const new_job* job) override {
    return clock_.fire(name, last_ms, now, job);
  }
  result<bool> lost_data() override { return clock_.lost_data(); }
  result<void> tidy() override {
    if (auto ok = workers_.forget_the_silent(); !ok) return ok;
    return clock_.tidy();
  }

  // -- operators

  result<std::vector<queue_counts>> counts() override { return lists_.counts(); }
  result<job_page> jobs(job_state state, const std::string& queue, std::size_t offset,
                        std::size_t count) override {
    return lists_.jobs(state, queue, offset, count);
  }
  result<std::optional<job_view>> find(const job_id& id) override { return lists_.find(id); }
  result<dead_page> dead(const dead_filter& filter, const dead_cursor& from,
                         std::size_t look_at) override {
    return lists_.dead(filter, from, look_at);
  }

  result<queue_totals> totals() override {
    auto processed = key("stat:processed"), failed = key("stat:failed"), dead = key("failed"),
         paused = key("pause-all-workers");
    std::vector<std::vector<std::string_view>> commands{
        {"GET", processed}, {"GET", failed}, {"LLEN", dead}, {"GET", paused}};
    auto replies = client_.pipeline(commands);
    if (!replies) return tl::unexpected<error>(replies.error());
    auto number = [&](std::size_t i) {
      return static_cast<std::uint64_t>(number_of(*(*replies)[i]));
    };
    return queue_totals{number(0), number(1), number(2), is_true(text_of(*(*replies)[3]))};
  }

  result<std::string> status(const job_id& id) override {
    auto reply = client_.call({"GET", status_key(id)});
    if (!reply) return tl::unexpected<error>(reply.error());
    return std::string(text_of(**reply));
  }

  result<std::size_t> remove(std::span<const job_view> jobs) override {
    std::size_t count = 0;
    std::vector<job_view> dead;
    for (auto& job : jobs) {
      if (job.state == job_state::dead) {
        dead.push_back(job);
        continue;
      }
      auto removed = remove_one(job);
      if (!removed) return tl::unexpected<error>(removed.error());
      count += *removed ? 1 : 0;
    }
    auto removed = dead_.remove(dead);
    if (!removed) return removed;
    return count + *removed;
  }

  result<void> request_cancel(const job_id& id) override {
    return nothing(client_.call(
        {"HSET", key("sm:cancel"), id, std::to_string(unix_ms() + cancel_kept.count())}));
  }

  result<std::size_t> requeue(std::span<const job_view> dead) override {
    return dead_.requeue(dead);
  }
  result<std::size_t> clear_dead() override { return dead_.clear(); }

  result<void> pause(const std::string& queue, bool paused) override {
    if (queue.empty())
      return nothing(paused ? client_.call({"SET", key("pause-all-workers"), "true"})
                            : client_.call({"DEL", key("pause-all-workers")}));
    if (auto ok = client_.call({"SADD", key("queues"), queue}); !ok)
      return tl::unexpected<error>(ok.error());
    auto settings = key("sm:queue:" + queue), channel = key("sm:queues");
    std::vector<std::vector<std::string_view>> commands{
        {"HSET", settings, "paused", paused ? "1" : "0"}, {"PUBLISH", channel, queue}};
    return nothing(client_.pipeline(commands));
  }

  result<void> put_limits(const std::string& queue, const queue_limits& l) override {
    auto settings = key("sm:queue:" + queue), queues = key("queues"), channel = key("sm:queues");
    auto concurrency = std::to_string(l.concurrency), rate = std::to_string(l.rate),
         period = std::to_string(l.period.count());
    std::vector<std::vector<std::string_view>> commands{
        {"SADD", queues, queue},
        {"HSET", settings, "concurrency", concurrency, "rate", rate, "period", period},
        {"HDEL", settings, "tokens", "at"},
        {"PUBLISH", channel, queue}};
    return nothing(client_.pipeline(commands));
  }

  result<std::size_t> remove_queue(const std::string& queue) override {
    auto aside = "sm:removed:" + random_hex(8);
    auto reply = client_.eval(redis_scripts::remove_queue, arguments(prefix_) << queue << aside);
    if (!reply) return tl::unexpected<error>(reply.error());
    lists_.forget_known_queues();
    auto count = static_cast<std::size_t>(number_of(**reply));
    // What the jobs held is freed: their keys, and the counts of their attempts.
    result<void> freed;
    auto seen = lists_.for_each_element(aside, 0, [&](const std::string& bytes) {
      freed = forget(bytes);
      return freed.has_value();
    });
    if (!seen) return tl::unexpected<error>(seen.error());
    if (!freed) return tl::unexpected<error>(freed.error());
    if (count > 0)
      if (auto ok = client_.call({"UNLINK", key(aside)}); !ok)
        return tl::unexpected<error>(ok.error());
    std::vector<job_view> delayed;
    if (auto ok = lists_.for_each_delayed([&](const job_view& v) {
          if (v.queue == queue) delayed.push_back(v);
          return true;
        });
        !ok)
      return tl::unexpected<error>(ok.error());
    auto removed = remove(delayed);
    if (!removed) return removed;
    return count + *removed;
  }

  result<void> import(std::span<const job_view> jobs) override {
    std::vector<new_job> waiting;
    std::vector<std::string> records;
    for (auto& j : jobs) {
      if (j.state == job_state::dead)
        records.push_back(encode_failure({.failed_at = resque_time(j.failed_at_ms),
                                          .payload = j.payload,
                                          .exception = j.exception,
                                          .error = j.error,
                                          .worker = j.worker,
                                          .queue = j.queue}));
      else {
        // One that is unique is not stored beside another that holds its key.
        auto job = decode_payload(j.payload);
        waiting.push_back({.id = j.id,
                           .queue = j.queue,
                           .payload = j.payload,
                           .run_at_ms = j.state == job_state::delayed ? j.run_at_ms : 0,
                           .lock = job ? job->lock : std::string{},
                           .lock_for = lock_for_default});
      }
    }
    // The counts of their attempts go before them.
    for (auto& j : jobs)
      if (j.state != job_state::dead && j.failures + j.crashes > 0)
        if (auto ok = client_.call({"HSET", key("sm:attempts"), sha1_hex(j.payload),
                                    std::to_string(j.failures) + ":" + std::to_string(j.crashes) +
                                        ":" + std::to_string(unix_ms())});
            !ok)
          return tl::unexpected<error>(ok.error());
    if (auto ok = enqueue(waiting, config_.enqueue_timeout); !ok)
      return tl::unexpected<error>(ok.error());
    auto failed = key("failed");
    std::vector<std::vector<std::string_view>> commands;
    commands.reserve(records.size());
    for (auto& record : records) commands.push_back({"RPUSH", failed, record});
    return commands.empty() ? result<void>{} : nothing(client_.pipeline(commands));
  }

 private:
  static constexpr const char* status_ttl = "86400";
  static_assert(status_kept == 86'400s);

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  std::string status_key(const job_id& id) const { return prefix_ + "job:" + id + ":status"; }
  static std::string member_of(const delivery_tag& tag, const std::string& queue) {
    return std::to_string(tag.number) + ":" + queue;
  }

  void add_outcome(arguments& a, const job_outcome& o, const std::string& worker) const {
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

  /// The queues to claim from. After a claim that found nothing there may be new ones.
  result<std::vector<std::string>> order_of(const std::vector<std::string>& patterns) {
    if (!has_patterns(patterns)) return queue_order(patterns, {});
    auto known = lists_.known_queues(false);
    if (!known) return known;
    return queue_order(patterns, *known);
  }

  result<std::size_t> give_back(const char* mode, const std::string& worker,
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

  result<bool> bury(std::string_view number, std::string_view queue, std::string_view worker,
                    const std::string& bytes) {
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

  /// Frees what a job that is no more had: its key, its counts.
  result<void> forget(const std::string& bytes) {
    auto id = key_of_job(bytes);
    auto attempts = key("sm:attempts"), wishes = key("sm:cancel"), sha1 = sha1_hex(bytes);
    std::vector<std::vector<std::string_view>> commands{{"HDEL", attempts, sha1},
                                                        {"HDEL", wishes, id}};
    if (auto ok = client_.pipeline(commands); !ok) return tl::unexpected<error>(ok.error());
    auto held = held_by(bytes, "its queue was removed");
    if (!held) return tl::unexpected<error>(held.error());
    if (!held->status.empty()) {
      std::vector<std::pair<job_id, std::string>> all{{id, held->status}};
      if (auto ok = put_status(all); !ok) return ok;
    }
    return held->lock.empty() ? result<void>{} : release_lock(held->lock, id);
  }

  result<bool> remove_one(const job_view& job) {
    switch (job.state) {
      case job_state::ready:
        return remove_element("list", "queue:" + job.queue, job.payload, job);
      case job_state::delayed:
        return job.list.empty() ? remove_element("delayed", "sm:delayed", job.record, job)
                                : remove_element("plugin", job.list, job.record, job);
      case job_state::dead:
      case job_state::running:
        break;
    }
    return false;
  }

  /// Takes an element out of where it stands, and frees what its job held.
  result<bool> remove_element(const char* kind, const std::string& where,
                              const std::string& element, const job_view& job) {
    auto held = held_by(job.payload, "cancelled");
    if (!held) return tl::unexpected<error>(held.error());
    return truth(client_.eval(redis_scripts::remove, arguments(prefix_)
                                                         << kind << where << element << job.payload
                                                         << job.queue << held->id << held->lock
                                                         << held->status << status_ttl));
  }

  /// What a job that ends without running leaves: its key, and its status document to be.
  struct held_things {
    job_id id{};
    std::string lock{}, status{};
  };
  result<held_things> held_by(const std::string& bytes, const char* why) {
    held_things held{.id = key_of_job(bytes)};
    if (bytes.empty()) return held;
    if (auto job = decode_payload(bytes); job && !job->lock_expires) held.lock = job->lock;
    auto document = status(held.id);
    if (!document) return tl::unexpected<error>(document.error());
    if (document->empty()) return held;
    auto s = decode_status(*document);
    if (has_ended(s)) return held;
    s.status = job_status::phase::failed;
    s.error = why;
    s.updated_s = unix_ms() / 1000;
    held.status = encode_status(s);
    return held;
  }

  const queue_config config_;
  redis_client client_;
  redis_job_lists lists_;
  redis_producer producer_;
  redis_workers workers_;
  redis_dead_jobs dead_;
  redis_clock clock_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<job_store> make_redis_job_store(redis_url url, const queue_config& config) {
  return std::make_unique<redis_job_store>(std::move(url), config);
}

}  // namespace sm
