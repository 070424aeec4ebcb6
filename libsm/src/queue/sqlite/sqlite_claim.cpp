#include <algorithm>

#include "queue/queue_order.hpp"
#include "queue/sqlite/sqlite_store.hpp"

namespace sm {

using std::chrono::milliseconds;

bool sqlite_job_store::is_paused(const std::string& queue) {
  bool paused = bind_all(settings_, queue).executeStep() && settings_.getColumn(0).getInt() != 0;
  settings_.reset();
  return paused;
}

std::vector<std::string> sqlite_job_store::to_claim_from(const std::vector<std::string>& wanted) {
  std::vector<std::string> ready;
  ready_queues_.reset();
  while (ready_queues_.executeStep()) ready.push_back(ready_queues_.getColumn(0));
  auto order = queue_order(wanted, ready);
  std::erase_if(order, [&](auto& queue) {
    return std::find(ready.begin(), ready.end(), queue) == ready.end();
  });
  return order;
}

void sqlite_job_store::claim(const claim_request& rq, std::int64_t now, exchange_result& out) {
  auto queues = to_claim_from(rq.queues);
  if (!queues.empty() && is_paused("")) {
    out.held_back = queues;
    return;
  }
  for (auto& queue : queues) {
    if (out.claimed.size() >= rq.max) break;
    auto room = static_cast<std::int64_t>(rq.max - out.claimed.size());
    auto allowed = allowance(queue, room, now, out);
    if (allowed == 0) {
      out.held_back.push_back(queue);
      continue;
    }
    auto before = out.claimed.size();
    bool more = claim_from(queue, rq, allowed, now, out);
    spend(queue, static_cast<std::int64_t>(out.claimed.size() - before));
    if (!more) break;  // a suspect, alone
  }
  if (out.claimed.empty()) return;
  SQLite::Statement any(db_, "SELECT 1 FROM status LIMIT 1");
  if (!any.executeStep()) return;
  for (std::size_t i = 0; i < out.claimed.size(); ++i)
    out.claimed[i].status = status_of(claimed_ids_[i]);
}

bool sqlite_job_store::claim_from(const std::string& queue, const claim_request& rq,
                                  std::int64_t count, std::int64_t now, exchange_result& out) {
  if (!bind_all(head_, queue).executeStep()) return true;
  auto head = head_.getColumn(0).getInt64();
  bool suspect = head_.getColumn(1).getUInt() >= suspect_from;
  head_.reset();
  if (suspect && (!rq.alone || !out.claimed.empty())) {
    out.suspect_waits = true;
    if (!rq.pass_suspects) return false;
    suspect = false;
  }
  auto epoch = add("delivery", 1);
  auto until = now + rq.lease.count();
  auto& statement = suspect ? claim_one_ : claim_;
  if (suspect)
    bind_all(claim_one_, epoch, rq.worker, until, head);
  else
    bind_all(claim_, epoch, rq.worker, until, queue, count, std::int64_t{suspect_from});
  std::vector<std::pair<delivery, job_id>> got;
  while (statement.executeStep())
    got.push_back({{.tag = {statement.getColumn(0).getInt64(), epoch},
                    .queue = statement.getColumn(2),
                    .payload = statement.getColumn(3).getString(),
                    .failures = statement.getColumn(4).getUInt(),
                    .crashes = statement.getColumn(5).getUInt()},
                   statement.getColumn(1)});
  statement.reset();
  // RETURNING has no order of its own.
  std::sort(got.begin(), got.end(), [](auto& a, auto& b) { return a.first.tag < b.first.tag; });
  if (out.claimed.empty()) claimed_ids_.clear();
  for (auto& [d, id] : got) {
    out.claimed.push_back(std::move(d));
    claimed_ids_.push_back(std::move(id));
  }
  return !suspect;
}

std::int64_t sqlite_job_store::allowance(const std::string& queue, std::int64_t room,
                                         std::int64_t now, exchange_result& out) {
  if (!bind_all(settings_, queue).executeStep()) return room;
  bool paused = settings_.getColumn(0).getInt() != 0;
  queue_limits limits{settings_.getColumn(1).getUInt(), settings_.getColumn(2).getUInt(),
                      milliseconds(settings_.getColumn(3).getInt64())};
  auto tokens = tokens_now(limits, settings_.getColumn(4).getDouble(),
                           settings_.getColumn(5).getInt64(), now);
  settings_.reset();
  if (paused) return 0;
  if (limits.concurrency > 0) {
    SQLite::Statement running(db_, "SELECT COUNT(*) FROM job WHERE state = 1 AND queue = ?1");
    bind_all(running, queue).executeStep();
    room = std::min(
        room, std::max<std::int64_t>(limits.concurrency - running.getColumn(0).getInt64(), 0));
    if (room == 0) out.look_again = std::min(out.look_again, milliseconds{50});
  }
  if (limits.rate > 0) {
    SQLite::Statement put(db_, "UPDATE queue SET tokens = ?2, tokens_at = ?3 WHERE name = ?1");
    bind_all(put, queue, tokens, now).exec();
    if (tokens < 1) {
      auto period = static_cast<double>(limits.period.count());
      auto wait = std::min((1 - tokens) * period / limits.rate, 1'000.0);
      out.look_again = std::min(out.look_again, milliseconds(static_cast<int>(wait) + 1));
    }
    room = std::min(room, static_cast<std::int64_t>(tokens));
  }
  return room;
}

void sqlite_job_store::spend(const std::string& queue, std::int64_t count) {
  if (count == 0) return;
  SQLite::Statement put(db_, "UPDATE queue SET tokens = tokens - ?2 WHERE name = ?1 AND rate > 0");
  bind_all(put, queue, count).exec();
}

}  // namespace sm
