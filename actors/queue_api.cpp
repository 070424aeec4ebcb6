#include "queue_api.hpp"

#include <algorithm>
#include <sm/manager.hpp>

#include "config/units.hpp"
#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/schedule.hpp"
#include "queue/transfer.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 1000;
constexpr std::size_t batch_max = 10'000;  // jobs of one request
constexpr std::size_t export_page = 500;

struct page {
  std::size_t offset, limit;
};

page page_of(const request& rq) {
  return {number_of(rq, "offset", 0),
          std::clamp<std::size_t>(number_of(rq, "limit", page_default), 1, page_max)};
}

json as_json(const job_view& v) {
  json j{{"id", v.id}, {"queue", v.queue}, {"state", std::string(to_string(v.state))}};
  if (auto job = decode_payload(v.payload)) {
    j["type"] = job->type;
    j["args"] = job->args;
    if (job->queue_time > 0)
      j["enqueued_at_ms"] = static_cast<std::int64_t>(job->queue_time * 1000);
  }
  j["payload"] = v.payload;
  j["attempt"] = v.failures + v.crashes + 1;
  if (v.state == job_state::delayed) j["run_at_ms"] = v.run_at_ms;
  if (v.state == job_state::running) j["worker"] = v.worker;
  if (v.state == job_state::dead) {
    j.erase("attempt");
    j["worker"] = v.worker;
    j["exception"] = v.exception;
    j["error"] = v.error;
    j["failed_at_ms"] = v.failed_at_ms;
  }
  return j;
}

json as_json(const queue_counts& c) {
  json limits{{"concurrency", c.limits.concurrency},
              {"rate", c.limits.rate},
              {"period", format_duration(c.limits.period)}};
  return {{"name", c.queue},
          {"ready", c.ready},
          {"running", c.running},
          {"delayed", c.delayed},
          {"latency_s", static_cast<double>(c.oldest_ms) / 1000},
          {"paused", c.paused},
          {"limits", std::move(limits)}};
}

json as_json(const std::vector<job_view>& list, const page& p) {
  json all = json::array();
  for (auto& v : list) all.push_back(as_json(v));
  json next = nullptr;
  if (list.size() == p.limit) next = p.offset + p.limit;
  return {{"jobs", std::move(all)}, {"next", next}};
}

/// What a tracked job's status says beside what the store says of the job.
void add_status(json& j, const std::string& document) {
  if (document.empty()) return;
  auto s = decode_status(document);
  using phase = job_status::phase;
  if (!j.contains("state"))
    j["state"] = s.status == phase::complete  ? "done"
                 : s.status == phase::failed  ? (s.error == "cancelled" ? "cancelled" : "dead")
                 : s.status == phase::running ? "running"
                                              : "ready";
  j["tracked"] = true;
  if (!s.type.empty()) j["type"] = s.type;
  if (!s.queue.empty()) j["queue"] = s.queue;
  if (s.share > 0 || !s.text.empty()) j["progress"] = {{"share", s.share}, {"text", s.text}};
  if (!s.result.is_null() || s.status == phase::complete) j["result"] = s.result;
  if (!s.error.empty()) j["error"] = s.error;
  j["updated_s"] = s.updated_s;
  j["enqueued_s"] = s.started_s;
}

error no_job(const std::string& id) {
  return {errc::not_found,
          "there is no such job: it is done, or never was; what is done is known of tracked jobs "
          "only",
          id};
}
error no_queue(const std::string& name) {
  return {errc::not_found, "there is no such queue", name};
}

/// "*" is all queues, for pause and resume.
std::string queue_of(const request& rq) {
  std::string name(rq.capture("queue"));
  if (!valid_queue_name(name)) throw failure(errc::bad_arguments, no_queue_name(name), "queue");
  return name;
}

template <class T>
T field(const json& body, const char* key, T otherwise) {
  auto member = body.find(key);
  if (member == body.end()) return otherwise;
  // The JSON library would convert silently.
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    constexpr auto most = sizeof(T) > 4 ? std::int64_t{253'402'300'799'000}  // the year 9999
                                        : std::int64_t{std::numeric_limits<std::int32_t>::max()};
    if (!member->is_number_integer() || *member < 0 || *member > most)
      throw failure(errc::bad_arguments, "must be a whole number that is not negative",
                    std::string("/") + key);
  }
  try {
    return member->template get<T>();
  } catch (const json::exception& e) {
    throw failure(errc::bad_arguments, conversion_error(e).detail, std::string("/") + key);
  }
}

milliseconds duration_field(const json& body, const char* key, milliseconds otherwise) {
  if (!body.contains(key)) return otherwise;
  auto value = parse_duration(field(body, key, std::string{}));
  if (!value) throw failure(errc::bad_arguments, value.error().detail, std::string("/") + key);
  return *value;
}

void refuse_unknown(const json& body, std::initializer_list<std::string_view> known) {
  if (!body.is_object()) throw failure(errc::bad_arguments, "send a JSON object");
  for (auto& [key, value] : body.items())
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      std::string all;
      for (auto name : known) all += (all.empty() ? "" : ", ") + std::string(name);
      throw failure(errc::bad_arguments, "unknown field; there is " + all, "/" + key);
    }
}

enqueue_options options_of(const json& body, const std::string& queue) {
  enqueue_options o;
  o.queue = queue.empty() ? field(body, "queue", o.queue) : queue;
  o.id = field(body, "id", std::string{});
  o.delay = duration_field(body, "delay", {});
  if (auto at = field(body, "run_at_ms", std::int64_t{0}); at != 0)
    o.run_at = std::chrono::system_clock::time_point(milliseconds(at));
  o.track = field(body, "track", true);
  if (auto unique = body.find("unique"); unique != body.end()) {
    refuse_unknown(*unique, {"key", "until", "for"});
    o.unique.key = field(*unique, "key", std::string{});
    if (o.unique.key.empty())
      throw failure(errc::bad_arguments, "must be a string that is not empty", "/unique/key");
    auto until = field(*unique, "until", std::string("done"));
    if (until != "done" && until != "started" && until != "expired")
      throw failure(errc::bad_arguments, R"(must be "done", "started" or "expired")",
                    "/unique/until");
    o.unique.held_until = until == "started"   ? uniqueness::until::started
                          : until == "expired" ? uniqueness::until::expired
                                               : uniqueness::until::done;
    o.unique.for_at_most = duration_field(*unique, "for", o.unique.for_at_most);
  }
  return o;
}

/// {"type": ..., "argument": ...} with the options of `enqueue_options`, or with "arguments" for
/// many jobs at once.
promise<response> enqueue(const request& rq, const json& body, const std::string& queue) {
  refuse_unknown(body, {"type", "argument", "arguments", "queue", "id", "delay", "run_at_ms",
                        "track", "unique"});
  auto type = field(body, "type", std::string{});
  auto& jobs = rq.manager().jobs();
  if (!queue.empty() && field(body, "queue", queue) != queue)
    throw failure(errc::bad_arguments, "the path names another queue", "/queue");
  if (auto many = body.find("arguments"); many != body.end()) {
    if (body.contains("argument"))
      throw failure(errc::bad_arguments, "send one argument or many", "/argument");
    if (!many->is_array() || many->empty() || many->size() > batch_max)
      throw failure(errc::bad_arguments,
                    "must be a list of 1 to " + std::to_string(batch_max) + " arguments",
                    "/arguments");
    auto options = options_of(body, queue);
    options.track = field(body, "track", false);
    return jobs.enqueue_all(type, *many, options).transform([](std::vector<job_id> ids) {
      return with_status(201, {{"ids", ids}});
    });
  }
  return jobs.enqueue(type, body.value("argument", json()), options_of(body, queue))
      .transform([](job_id id) {
        auto r = with_status(201, {{"id", id}});
        r.headers.emplace_back("Location", "/v1/jobs/" + id);
        return r;
      });
}

/// All jobs that wait or are dead, as lines. Read page by page as the peer takes them.
class export_stream : public response_stream, public std::enable_shared_from_this<export_stream> {
 public:
  export_stream(queue_view& jobs, std::string queue) : jobs_(jobs), queue_(std::move(queue)) {}

  bool pull(std::string& out, std::size_t) override {
    {
      std::lock_guard lock(mutex_);
      out += std::exchange(ready_, {});
      if (ended_) return false;
      if (std::exchange(reading_, true)) return true;
    }
    read_on();
    std::lock_guard lock(mutex_);
    out += std::exchange(ready_, {});
    return !ended_;
  }

 private:
  static constexpr std::array states{job_state::ready, job_state::delayed, job_state::dead};

  /// The page is taken in the view's thread: here the gateway's loop would meet itself.
  void read_on() {
    jobs_
        .ask<bool>([self = shared_from_this(), state = states[state_],
                    offset = offset_](job_store& store) -> result<bool> {
          self->take(store.jobs(state, self->queue_, offset, export_page));
          self->wake();
          return true;
        })
        .then([self = shared_from_this()](const result<bool>& read) {
          if (!read) self->take(tl::unexpected<error>(read.error()));
        });
  }

  void take(const result<std::vector<job_view>>& list) {
    std::lock_guard lock(mutex_);
    reading_ = false;
    if (!list) {
      ready_ += print_json({{"error", to_string(list.error())}}) + "\n";
      ended_ = true;
      return;
    }
    for (auto& job : *list) ready_ += export_line(job) + "\n";
    offset_ += list->size();
    if (list->size() < export_page) {
      offset_ = 0;
      ended_ = ++state_ == states.size();
    }
  }

  queue_view& jobs_;
  const std::string queue_;
  std::mutex mutex_;
  std::string ready_;
  std::size_t state_ = 0, offset_ = 0;
  bool reading_ = false, ended_ = false;
};

std::vector<job_view> import_lines(std::string_view body) {
  std::vector<job_view> jobs;
  for (std::size_t number = 1; !body.empty(); ++number) {
    auto line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(line.size() + 1, body.size()));
    if (line.find_first_not_of(" \r\t") == line.npos) continue;
    auto job = import_line(line);
    if (!job)
      throw failure(job.error().code, job.error().detail,
                    "line " + std::to_string(number) + " " + job.error().where);
    jobs.push_back(std::move(*job));
  }
  return jobs;
}

/// Frees the key of a job that was taken away.
void free_lock(job_store& store, const job_view& v) {
  if (auto job = decode_payload(v.payload); job && !job->lock.empty() && !job->lock_expires)
    (void)store.release_lock(job->lock, v.id);
}

void end_status(job_store& store, const job_id& id, const char* why) {
  auto document = store.status(id);
  if (!document || document->empty()) return;
  auto s = decode_status(*document);
  s.status = job_status::phase::failed;
  s.error = why;
  std::vector<std::pair<job_id, std::string>> all{{id, encode_status(s)}};
  (void)store.put_status(all);
}

result<json> cancel(job_store& store, const job_id& id) {
  auto found = store.find(id);
  if (!found) return tl::unexpected<error>(found.error());
  if (!*found) return tl::unexpected<error>(no_job(id));
  if ((*found)->state != job_state::running) {
    auto removed = store.remove(**found);
    if (!removed) return tl::unexpected<error>(removed.error());
    if (*removed) {
      free_lock(store, **found);
      end_status(store, id, "cancelled");
      return json{{"id", id}, {"state", "removed"}};
    }
  }
  // It runs, or began just now.
  if (auto ok = store.request_cancel(id); !ok) return tl::unexpected<error>(ok.error());
  return json{{"id", id}, {"state", "cancelling"}};
}

/// Requeues or removes dead jobs: those with these ids, or all.
result<json> for_dead(job_store& store, const std::vector<std::string>& ids, bool all,
                      bool requeue) {
  std::size_t count = 0;
  std::vector<std::string> missing;
  auto act = [&](const job_view& v) { return requeue ? store.requeue(v) : store.remove(v); };
  if (all) {
    // As many as there are now: those that fail again meanwhile are not for this call.
    auto totals = store.totals();
    if (!totals) return tl::unexpected<error>(totals.error());
    for (auto left = totals->dead; left > 0;) {
      auto list = store.jobs(job_state::dead, "", 0, std::min<std::uint64_t>(left, page_max));
      if (!list) return tl::unexpected<error>(list.error());
      if (list->empty()) break;
      for (auto& v : *list) {
        auto done = act(v);
        if (!done) return tl::unexpected<error>(done.error());
        count += *done ? 1 : 0;
        --left;
      }
    }
  }
  for (auto& id : ids) {
    auto found = store.find(id);
    if (!found) return tl::unexpected<error>(found.error());
    bool dead = *found && (*found)->state == job_state::dead;
    auto done = dead ? act(**found) : result<bool>(false);
    if (!done) return tl::unexpected<error>(done.error());
    if (*done)
      ++count;
    else
      missing.push_back(id);
  }
  if (ids.size() == 1 && count == 0)
    return fail(errc::not_found, "there is no such failed job", ids.front());
  return json{{requeue ? "requeued" : "removed", count}, {"missing", missing}};
}

json schedule_json(const stored_schedule& s) {
  auto document = parse_json(s.document);
  json j = document && document->is_object() ? *document : json::object();
  j["last_ms"] = s.last_ms;
  json declared = j.contains("declared_by") ? j["declared_by"] : json();
  j.erase("declared_by");
  if (auto spec = schedule_from_json([&] {
        auto plain = j;
        plain.erase("last_ms");
        return plain;
      }())) {
    auto now = unix_ms();
    j["next_ms"] = step(*spec, s.last_ms > 0 ? now : 0, now).next_ms;
  }
  j["declared_by"] = declared;
  return j;
}

result<stored_schedule> schedule_called(job_store& store, const std::string& name) {
  auto all = store.schedules();
  if (!all) return tl::unexpected<error>(all.error());
  for (auto& s : *all)
    if (s.name == name) return s;
  return fail(errc::not_found, "there is no such schedule", name);
}

// -- the groups of routes

void add_queues(route_adder& at, queue_view& jobs) {
  at.add("GET", "/v1/queues", [&jobs](request&) {
    return jobs.ask<json>([](job_store& store) -> result<json> {
      auto counts = store.counts();
      if (!counts) return tl::unexpected<error>(counts.error());
      auto totals = store.totals();
      if (!totals) return tl::unexpected<error>(totals.error());
      json list = json::array();
      for (auto& c : *counts) list.push_back(as_json(c));
      return json{{"queues", std::move(list)},
                  {"processed", totals->processed},
                  {"failed", totals->failed},
                  {"dead", totals->dead},
                  {"paused", totals->paused}};
    });
  });
  auto show = [](job_store& store, const std::string& name) -> result<json> {
    auto counts = store.counts();
    if (!counts) return tl::unexpected<error>(counts.error());
    for (auto& c : *counts)
      if (c.queue == name) return as_json(c);
    return tl::unexpected<error>(no_queue(name));
  };
  at.add("GET", "/v1/queues/:queue", [&jobs, show](request& rq) {
    return jobs.ask<json>(
        [show, name = queue_of(rq)](job_store& store) { return show(store, name); });
  });
  at.add("PATCH", "/v1/queues/:queue", [&jobs, show](request& rq) {
    auto body = body_of(rq);
    refuse_unknown(body, {"concurrency", "rate", "period"});
    return jobs.ask<json>([show, name = queue_of(rq), body](job_store& store) -> result<json> {
      auto counts = store.counts();
      if (!counts) return tl::unexpected<error>(counts.error());
      queue_limits limits;
      for (auto& c : *counts)
        if (c.queue == name) limits = c.limits;
      try {
        limits.concurrency = field(body, "concurrency", limits.concurrency);
        limits.rate = field(body, "rate", limits.rate);
        limits.period = duration_field(body, "period", limits.period);
        if (limits.period.count() < 1)
          throw failure(errc::bad_arguments, "must be over 0", "/period");
      } catch (const failure& e) {
        return tl::unexpected<error>(e.reason());
      }
      if (auto ok = store.put_limits(name, limits); !ok) return tl::unexpected<error>(ok.error());
      return show(store, name);
    });
  });
  at.add("DELETE", "/v1/queues/:queue", [&jobs](request& rq) {
    return jobs.ask<json>([name = queue_of(rq)](job_store& store) -> result<json> {
      auto removed = store.remove_queue(name);
      if (!removed) return tl::unexpected<error>(removed.error());
      return json{{"removed", *removed}};
    });
  });
  for (bool paused : {true, false})
    at.add("POST", paused ? "/v1/queues/:queue/pause" : "/v1/queues/:queue/resume",
           [&jobs, paused](request& rq) {
             auto name = rq.capture("queue") == "*" ? std::string{} : queue_of(rq);
             return jobs.ask<json>([name, paused](job_store& store) -> result<json> {
               if (auto ok = store.pause(name, paused); !ok)
                 return tl::unexpected<error>(ok.error());
               return json{{"queue", name.empty() ? "*" : name}, {"paused", paused}};
             });
           });
  at.add("GET", "/v1/queues/:queue/jobs", [&jobs](request& rq) {
    return jobs.ask<json>([name = queue_of(rq), p = page_of(rq)](job_store& store) -> result<json> {
      auto list = store.jobs(job_state::ready, name, p.offset, p.limit);
      if (!list) return tl::unexpected<error>(list.error());
      return as_json(*list, p);
    });
  });
  at.add("POST", "/v1/queues/:queue/jobs",
         [](request& rq) { return enqueue(rq, body_of(rq), queue_of(rq)); });
}

void add_jobs(route_adder& at, queue_view& jobs) {
  at.add("GET", "/v1/jobs", [&jobs](request& rq) {
    auto text = rq.query("state").value_or("ready");
    std::optional<job_state> state;
    for (auto s : {job_state::ready, job_state::running, job_state::delayed, job_state::dead})
      if (text == to_string(s)) state = s;
    if (!state)
      throw failure(errc::bad_arguments, R"(must be "ready", "running", "delayed" or "dead")",
                    "state");
    return jobs.ask<json>([state = *state, queue = rq.query("queue").value_or(""),
                           p = page_of(rq)](job_store& store) -> result<json> {
      auto list = store.jobs(state, queue, p.offset, p.limit);
      if (!list) return tl::unexpected<error>(list.error());
      return as_json(*list, p);
    });
  });
  at.add("POST", "/v1/jobs", [](request& rq) { return enqueue(rq, body_of(rq), {}); });
  at.add("GET", "/v1/jobs/export", [&jobs](request& rq) {
    return response{
        .content_type = "application/x-ndjson",
        .stream = std::make_shared<export_stream>(jobs, rq.query("queue").value_or(""))};
  });
  at.add("POST", "/v1/jobs/import", [&jobs](request& rq) {
    return jobs.ask<json>([list = import_lines(rq.body())](job_store& store) -> result<json> {
      if (auto ok = store.import(list); !ok) return tl::unexpected<error>(ok.error());
      return json{{"imported", list.size()}};
    });
  });
  at.add("GET", "/v1/jobs/:id", [&jobs](request& rq) {
    return jobs.ask<json>([id = std::string(rq.capture("id"))](job_store& store) -> result<json> {
      // The status first: what it says of is then either still there or told of by it.
      auto found = store.find(id);
      if (!found) return tl::unexpected<error>(found.error());
      auto status = store.status(id);
      if (!status) return tl::unexpected<error>(status.error());
      if (!*found && status->empty()) return tl::unexpected<error>(no_job(id));
      auto j = *found ? as_json(**found) : json{{"id", id}};
      add_status(j, *status);
      return j;
    });
  });
  at.add("DELETE", "/v1/jobs/:id", [&jobs](request& rq) {
    return jobs
        .ask<json>(
            [id = std::string(rq.capture("id"))](job_store& store) { return cancel(store, id); })
        .transform([](json j) { return with_status(j["state"] == "removed" ? 200 : 202, j); });
  });
}

void add_failed(route_adder& at, queue_view& jobs) {
  at.add("GET", "/v1/failed", [&jobs](request& rq) {
    return jobs.ask<json>([p = page_of(rq)](job_store& store) -> result<json> {
      auto list = store.jobs(job_state::dead, "", p.offset, p.limit);
      if (!list) return tl::unexpected<error>(list.error());
      auto j = as_json(*list, p);
      j["failed"] = std::move(j["jobs"]);
      j.erase("jobs");
      return j;
    });
  });
  at.add("GET", "/v1/failed/:id", [&jobs](request& rq) {
    return jobs.ask<json>([id = std::string(rq.capture("id"))](job_store& store) -> result<json> {
      auto found = store.find(id);
      if (!found) return tl::unexpected<error>(found.error());
      if (!*found || (*found)->state != job_state::dead)
        return fail(errc::not_found, "there is no such failed job", id);
      return as_json(**found);
    });
  });
  auto one = [&jobs](bool requeue) {
    return [&jobs, requeue](request& rq) {
      std::vector<std::string> ids{std::string(rq.capture("id"))};
      return jobs.ask<json>(
          [ids, requeue](job_store& store) { return for_dead(store, ids, false, requeue); });
    };
  };
  auto many = [&jobs](bool requeue) {
    return [&jobs, requeue](request& rq) {
      auto body = body_of(rq);
      refuse_unknown(body, {"ids", "all"});
      auto ids = field(body, "ids", std::vector<std::string>{});
      auto all = field(body, "all", false);
      if (ids.empty() != all)
        throw failure(errc::bad_arguments, R"(send {"ids": [...]} or {"all": true})", "/ids");
      return jobs.ask<json>(
          [ids, all, requeue](job_store& store) { return for_dead(store, ids, all, requeue); });
    };
  };
  at.add("POST", "/v1/failed/:id/requeue", one(true));
  at.add("DELETE", "/v1/failed/:id", one(false));
  at.add("POST", "/v1/failed/requeue", many(true));
  at.add("POST", "/v1/failed/remove", many(false));
}

void add_schedules(route_adder& at, queue_view& jobs) {
  at.add("GET", "/v1/schedules", [&jobs](request&) {
    return jobs.ask<json>([](job_store& store) -> result<json> {
      auto all = store.schedules();
      if (!all) return tl::unexpected<error>(all.error());
      json list = json::array();
      for (auto& s : *all) list.push_back(schedule_json(s));
      return json{{"schedules", std::move(list)}};
    });
  });
  at.add("POST", "/v1/schedules", [&jobs](request& rq) {
    auto spec = schedule_from_json(body_of(rq));
    if (!spec) throw failure(spec.error());
    return jobs
        .ask<json>([spec = *spec](job_store& store) -> result<json> {
          stored_schedule s{spec.name, print_json(to_json(spec)), 0};
          if (auto ok = store.put_schedule(s); !ok) return tl::unexpected<error>(ok.error());
          return schedule_json(s);
        })
        .transform([](json j) { return with_status(201, j); });
  });
  at.add("GET", "/v1/schedules/:name", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = std::string(rq.capture("name"))](job_store& store) -> result<json> {
          auto s = schedule_called(store, name);
          if (!s) return tl::unexpected<error>(s.error());
          return schedule_json(*s);
        });
  });
  at.add("DELETE", "/v1/schedules/:name", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = std::string(rq.capture("name"))](job_store& store) -> result<json> {
          auto removed = store.remove_schedule(name);
          if (!removed) return tl::unexpected<error>(removed.error());
          if (!*removed) return fail(errc::not_found, "there is no such schedule", name);
          return json{{"removed", name}};
        });
  });
  // At once, beside its times.
  at.add("POST", "/v1/schedules/:name/run", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = std::string(rq.capture("name"))](job_store& store) -> result<json> {
          auto s = schedule_called(store, name);
          if (!s) return tl::unexpected<error>(s.error());
          auto document = parse_json(s->document);
          if (document && document->is_object()) document->erase("declared_by");
          auto spec = schedule_from_json(document ? *document : json{});
          if (!spec) return tl::unexpected<error>(spec.error());
          auto now = unix_ms();
          std::vector<new_job> one{job_of(*spec, now)};
          auto stored = store.enqueue(one, milliseconds{5'000});
          if (!stored) return tl::unexpected<error>(stored.error());
          if (!stored->empty())
            return fail(errc::conflict, "its earlier job still waits or runs", stored->front().id);
          return json{{"id", one.front().id}};
        });
  });
}

}  // namespace

void add_queue_routes(route_adder& at, queue_view& jobs) {
  add_queues(at, jobs);
  add_jobs(at, jobs);
  add_failed(at, jobs);
  add_schedules(at, jobs);
}

}  // namespace sm
