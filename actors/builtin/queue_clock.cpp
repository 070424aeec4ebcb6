#include "builtin/queue_clock.hpp"

#include <algorithm>
#include <sm/guarded.hpp>

#include "queue/schedule.hpp"
#include "queue/unix_time.hpp"
#include "schema/queue_fields.hpp"
#include "telemetry/span.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds longest_wait = 1s;  // what foreign tools delay wakes nobody
constexpr milliseconds shortest_wait = 5ms;
constexpr auto tidy_pause = 60s;
constexpr milliseconds retry_pause_min = 50ms;
constexpr milliseconds retry_pause_max = 2s;

}  // namespace

json clock_params(const std::string& program, const std::vector<schedule_spec>& schedules,
                  const std::map<std::string, queue_limits>& limits) {
  json params{{"program", program}, {"schedules", json::array()}, {"limits", json::object()}};
  for (auto& s : schedules) params["schedules"].push_back(to_json(s));
  for (auto& [queue, l] : limits) params["limits"][queue] = to_fields(l);
  return params;
}

queue_clock::queue_clock(service_context context, const builtin_setup& setup)
    : service(std::move(context)), config_(setup.settings.queue) {
  auto opened = open_job_store(config_.url, config_);
  if (!opened) throw failure(opened.error());
  store_ = std::move(*opened);
  waiter_ = store_->make_clock_waiter();
  command("status", [this] { return json{{"fired", fired_.load()}}; });
  thread_ = std::thread([this] { run(); });
}

queue_clock::~queue_clock() {
  stopping_ = true;
  waiter_->interrupt();
  thread_.join();
}

void queue_clock::run() {
  auto pause = retry_pause_min;
  while (!stopping_) {
    waiter_->watch({});
    auto next = guarded("the clock of the queue", [this] { return tick(); });
    if (!next) {
      log().warn("the queue does not answer: {}", to_string(next.error()));
      waiter_->wait(pause);
      pause = std::min(pause * 2, retry_pause_max);
      continue;
    }
    pause = retry_pause_min;
    auto left =
        *next == 0 ? longest_wait : milliseconds(std::max<std::int64_t>(*next - unix_ms(), 0));
    // A pause also when something is due: the server's clock may be behind ours.
    waiter_->wait(std::clamp(left, shortest_wait, longest_wait));
    waiter_->unwatch();
  }
}

/// What the program declares is in the store; what it declared once and does no more is not.
result<void> queue_clock::declare() {
  auto stored = store_->schedules();
  if (!stored) return tl::unexpected<error>(stored.error());
  auto program = params().value("program", "");
  std::vector<std::string> ours;
  auto declared = params().value("schedules", json::array());
  for (auto& document : declared) {
    std::string name = document.at("name");
    ours.push_back(name);
    auto marked = document;
    marked["declared_by"] = program;
    auto text = print_json(marked);
    auto present =
        std::find_if(stored->begin(), stored->end(), [&](auto& s) { return s.name == name; });
    if (present != stored->end() && present->document == text) continue;
    // Another line counts from now on.
    if (auto ok = store_->put_schedule({name, text, 0}); !ok) return ok;
  }
  for (auto& s : *stored) {
    auto document = parse_json(s.document);
    bool once_ours = document && document->is_object() && !program.empty() &&
                     document->contains("declared_by") && document->at("declared_by") == program;
    if (once_ours && std::find(ours.begin(), ours.end(), s.name) == ours.end())
      if (auto ok = store_->remove_schedule(s.name); !ok) return tl::unexpected<error>(ok.error());
  }
  auto all_limits = params().value("limits", json::object());
  for (auto& [queue, l] : all_limits.items()) {
    auto limits = from_fields<queue_limits>(l);
    if (!limits) return tl::unexpected<error>(limits.error());
    if (auto ok = store_->put_limits(queue, *limits); !ok) return ok;
  }
  return {};
}

/// Does what is due; the time of what comes next, or 0.
result<std::int64_t> queue_clock::tick() {
  auto lost = store_->lost_data();
  if (!lost) return tl::unexpected<error>(lost.error());
  if (*lost) {
    log().warn(
        "the store has lost what was written lately: it was emptied, started without its log, or a "
        "copy with older data took its place. Jobs may be gone; this program's schedules and "
        "limits "
        "are declared again, those made over HTTP are not");
    declared_ = false;
  }
  if (!declared_) {
    if (auto ok = declare(); !ok) return tl::unexpected<error>(ok.error());
    declared_ = true;
  }
  // First of all: a store that is full gets room by it.
  if (auto now = std::chrono::steady_clock::now(); now >= tidy_at_) {
    tidy_at_ = now + tidy_pause;
    if (auto ok = store_->tidy(); !ok) return tl::unexpected<error>(ok.error());
  }
  auto delayed = store_->move_due();
  auto scheduled = fire_schedules();
  if (!delayed) return delayed;
  if (!scheduled) return scheduled;
  if (*delayed == 0 || *scheduled == 0) return std::max(*delayed, *scheduled);
  return std::min(*delayed, *scheduled);
}

result<std::int64_t> queue_clock::fire_schedules() {
  auto all = store_->schedules();
  if (!all) return tl::unexpected<error>(all.error());
  std::int64_t next = 0;
  for (auto& stored : *all) {
    auto spec = schedule_in(stored);
    if (!spec) {
      auto why = to_string(spec.error());
      if (std::exchange(left_out_[stored.name], why) != why)
        log().warn("the schedule {} is left out: {}", stored.name, why);
      continue;
    }
    left_out_.erase(stored.name);
    auto now = unix_ms();
    auto todo = step(*spec, stored.last_ms, now);
    if (todo.next_ms > 0) next = next == 0 ? todo.next_ms : std::min(next, todo.next_ms);
    if (!todo.note) continue;
    auto begun = span::clock::now();
    trace_scope of_firing(begin_trace());
    auto job = job_of(*spec, now);
    auto fired = store_->fire(stored.name, stored.last_ms, todo.for_ms, todo.fire ? &job : nullptr);
    if (!fired) return tl::unexpected<error>(fired.error());
    if (*fired == firing::others) continue;
    if (todo.set_back)
      log().warn(
          "schedule {}: its last time lies {} s ahead: the clock was set back. It goes on "
          "from now",
          stored.name, (stored.last_ms - now) / 1000);
    if (*fired == firing::stored) {
      ++fired_;
      if (auto& place = current_trace(); is_recorded(place))
        record_span({.place = place,
                     .role = span::kind::producer,
                     .name = "schedule " + stored.name,
                     .begin = begun,
                     .took = span::clock::now() - begun,
                     .attributes = {{"messaging.system", "resque"},
                                    {"messaging.destination.name", spec->queue}}});
      log().info("schedule {} put {} into {}", stored.name, spec->type, spec->queue);
    } else if (todo.fire) {
      log().info("schedule {}: its earlier job still waits or runs, or its queue takes none",
                 stored.name);
    } else if (stored.last_ms > 0 && !todo.set_back) {
      log().warn("schedule {}: a time was missed, and is skipped", stored.name);
    }
  }
  return next;
}

}  // namespace sm
