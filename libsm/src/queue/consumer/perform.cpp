#include "queue/consumer/perform.hpp"

#include "queue/consumer/retry.hpp"
#include "queue/job_status.hpp"
#include "queue/unix_time.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using kind = job_outcome::kind;

constexpr std::size_t logged_max = 1 << 10;  // bytes of a job's arguments in its log line

struct trouble {
  std::string exception;
  error reason;
  bool final = false;  // another try cannot help
};

void run_hooks(const job_registry& jobs, job_context& context, const trouble& t, bool dead) {
  for (auto& hooks : jobs.hooks())
    for (auto* hook : {&hooks.on_failure, dead ? &hooks.on_dead : nullptr}) {
      if (!hook || !*hook) continue;
      try {
        (*hook)(context, t.reason);
      } catch (const std::exception& e) {
        context.log().error("a hook of the failed job {} threw: {}", context.id(), e.what());
      } catch (...) {
        context.log().error("a hook of the failed job {} threw", context.id());
      }
    }
}

void run_around(const std::vector<job_hooks>& all, std::size_t from, job_context& context,
                const std::function<void()>& job) {
  while (from < all.size() && !all[from].around) ++from;
  if (from == all.size()) return job();
  all[from].around(context, [&] { run_around(all, from + 1, context, job); });
}

void run_job(const job_registry& jobs, const job_registry::entry& entry, const json& argument,
             job_context& context) {
  for (auto& hooks : jobs.hooks())
    if (hooks.before) hooks.before(context);
  run_around(jobs.hooks(), 0, context, [&] { entry.perform(argument, context); });
}

std::optional<trouble> try_job(const job_registry& jobs, const job_registry::entry& entry,
                               const json& argument, job_context& context) {
  try {
    run_job(jobs, entry, argument, context);
    return {};
  } catch (const skip_job&) {
    return {};
  } catch (const detail::unfit_arguments& e) {
    return trouble{"sm::bad_arguments", e.reason(), true};
  } catch (const failure& e) {
    return trouble{"sm::" + std::string(to_string(e.reason().code)), e.reason()};
  } catch (const std::exception& e) {
    return trouble{"std::exception", {errc::handler_failed, e.what(), {}}};
  } catch (...) {
    return trouble{"unknown",
                   {errc::handler_failed, "threw something that is no std::exception", {}}};
  }
}

job_outcome outcome_for(const delivery& d, const job_payload& job) {
  return {.tag = d.tag, .queue = d.queue, .id = job.id};
}

/// A key that is held until the job is done is free now; one until it started should be already,
/// unless the store did not hear of it.
void free_lock(job_outcome& o, const job_payload& job) {
  if (!job.lock_expires) o.lock = job.lock;
}

void set_status(job_outcome& o, const delivery& d, const job_payload& job, job_status::phase phase,
                const json& result = nullptr) {
  if (!d.tracked()) return;
  auto s = decode_status(d.status);
  s.status = phase;
  s.updated_s = unix_ms() / 1000;
  if (s.started_s == 0) s.started_s = static_cast<std::int64_t>(job.queue_time);
  s.type = job.type;
  s.queue = d.queue;
  s.result = result;
  s.error = o.text;
  if (auto size = print_json(result).size(); size > result_max) {
    s.result = nullptr;
    s.error = "its result had " + std::to_string(size) + " bytes, and is not kept";
  }
  s.attempt = d.attempt();
  if (phase == job_status::phase::complete) s.share = 1;
  o.status = encode_status(s);
}

/// Tried again, or dead.
void set_failed(job_outcome& o, const delivery& d, const job_payload& job,
                const retry_policy& policy, const trouble& t, double chance) {
  bool again = !t.final && tried_again(policy, d.failures + 1);
  o.how = again ? kind::failed_retry : kind::failed_dead;
  o.exception = t.exception;
  o.text = shortened(t.reason.code == errc::handler_failed ? t.reason.detail : to_string(t.reason),
                     error_text_max);
  o.payload = d.payload;
  if (again) {
    o.retry_at_ms = unix_ms() + retry_pause(policy, d.failures + 1, chance).count();
  } else {
    free_lock(o, job);
  }
  set_status(o, d, job, again ? job_status::phase::waiting : job_status::phase::failed);
}

}  // namespace

performance perform(const job_registry& jobs, const delivery& d, const logger& log,
                    detail::job_host* host, const std::function<cancel_reason()>& asked,
                    double chance) {
  auto job = decode_payload(d.payload);
  if (!job) {
    performance p{.outcome = outcome_for(d, {})};
    p.outcome.id = key_of_job(d.payload);
    set_failed(p.outcome, d, {}, {}, {"sm::BadPayload", job.error(), true}, chance);
    return p;
  }
  performance p{.outcome = outcome_for(d, *job), .type = job->type};
  if (p.outcome.id.empty()) p.outcome.id = key_of_job(d.payload);
  auto* entry = jobs.find(job->type);
  if (!entry) {
    trouble unknown{"sm::UnknownJobType",
                    {errc::handler_failed, "this program has no job type '" + job->type + "'", {}},
                    true};
    set_failed(p.outcome, d, *job, {}, unknown, chance);
    return p;
  }
  auto argument = job->argument();
  if (log.enabled(log_level::info))
    log.info("performing {} {} {}", job->type, p.outcome.id,
             shortened(print_json(argument), logged_max));
  job_context context({.id = p.outcome.id,
                       .type = job->type,
                       .queue = d.queue,
                       .args = job->args,
                       .attempt = d.attempt()},
                      log, host);
  if (host) host->begins();
  auto failed = try_job(jobs, *entry, argument, context);
  if (!failed) {
    free_lock(p.outcome, *job);
    set_status(p.outcome, d, *job, job_status::phase::complete, context.result());
    for (auto& hooks : jobs.hooks()) try {
        if (hooks.after) hooks.after(context);
      } catch (const std::exception& e) {
        log.error("a hook after the job {} threw: {}", p.outcome.id, e.what());
      } catch (...) {
        log.error("a hook after the job {} threw", p.outcome.id);
      }
    return p;
  }
  // A job that heeded a wish has not failed by itself.
  auto why = asked();
  if (why == cancel_reason::none)
    set_failed(p.outcome, d, *job, entry->options.retry, *failed, chance);
  else
    p.outcome = ended_from_outside(jobs, d, why, chance);
  bool dead = p.outcome.how == kind::failed_dead;
  if (why != cancel_reason::none) failed->reason = {errc::handler_failed, p.outcome.text, {}};
  if (dead || p.outcome.how == kind::failed_retry) run_hooks(jobs, context, *failed, dead);
  return p;
}

job_outcome ended_from_outside(const job_registry& jobs, const delivery& d, cancel_reason why,
                               double chance) {
  auto decoded = decode_payload(d.payload);
  auto job = decoded ? *decoded : job_payload{};
  auto o = outcome_for(d, job);
  if (o.id.empty()) o.id = key_of_job(d.payload);
  auto* entry = jobs.find(job.type);
  switch (why) {
    case cancel_reason::timeout:
      set_failed(
          o, d, job, entry ? entry->options.retry : retry_policy{},
          {"sm::Timeout", {errc::handler_failed, "the job ran for longer than its timeout", {}}},
          chance);
      break;
    case cancel_reason::killed:
      set_failed(o, d, job, entry ? entry->options.retry : retry_policy{},
                 {"sm::Killed", {errc::handler_failed, "an operator killed the job", {}}}, chance);
      break;
    case cancel_reason::by_request:
      o.how = kind::cancelled;
      o.text = "cancelled";
      free_lock(o, job);
      set_status(o, d, job, job_status::phase::failed);
      break;
    case cancel_reason::none:
      o.how = d.crashes + 1 >= crashes_max ? kind::failed_dead : kind::crashed;
      o.exception = "sm::DirtyExit";
      o.text = "the process of the job died";
      o.payload = d.payload;
      if (o.how == kind::failed_dead) {
        free_lock(o, job);
        set_status(o, d, job, job_status::phase::failed);
      }
      break;
    case cancel_reason::lease_lost:
    case cancel_reason::must_go:
      o.how = kind::returned;
      break;
  }
  return o;
}

}  // namespace sm
