#include "queue/redis/redis_job_lists.hpp"

#include <algorithm>

#include "queue/payload.hpp"
#include "queue/queue_limit.hpp"
#include "queue/redis/plugin_form.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t search_max = 100'000;  // elements looked at for one job
constexpr milliseconds queues_known_for = 1s;

// Of a set so many elements are read at once that they have about a megabyte.
constexpr std::size_t first_step = 16;
std::size_t step_for(std::size_t bytes_each) {
  return std::clamp<std::size_t>((1 << 20) / (bytes_each + 1), 1, redis_job_lists::page);
}

result<std::optional<job_view>> or_error(const result<void>& ok,
                                         const std::optional<job_view>& found) {
  if (!ok) return tl::unexpected<error>(ok.error());
  return found;
}

}  // namespace

result<std::vector<queue_counts>> redis_job_lists::counts() {
  auto names = known_queues(true);
  if (!names) return tl::unexpected<error>(names.error());
  std::vector<std::string> keys;
  keys.reserve(names->size() * 3);
  std::vector<std::vector<std::string_view>> commands;
  for (auto& queue : *names) {
    auto& list = keys.emplace_back(key("queue:" + queue));
    auto& inflight = keys.emplace_back(key("sm:inflight:" + queue));
    auto& settings = keys.emplace_back(key("sm:queue:" + queue));
    commands.push_back({"LLEN", list});
    commands.push_back({"HLEN", inflight});
    commands.push_back(
        {"HMGET", settings, "paused", "concurrency", "rate", "period", "tokens", "at"});
    commands.push_back({"LINDEX", list, "0"});
  }
  commands.push_back({"TIME"});
  // A key of another kind in a queue's place is an error reply, and counts for nothing.
  auto replies = client_.pipeline(commands, true);
  if (!replies) return tl::unexpected<error>(replies.error());
  auto time = elements_of(*replies->back());
  auto now = time.size() == 2 ? number_of(*time[0]) * 1000 + number_of(*time[1]) / 1000 : unix_ms();
  std::vector<queue_counts> list;
  auto delayed = delayed_counts();
  if (!delayed) return tl::unexpected<error>(delayed.error());
  for (std::size_t i = 0; i < names->size(); ++i) {
    auto settings = elements_of(*(*replies)[i * 4 + 2]);
    auto setting = [&](std::size_t n) { return settings.size() > n ? number_of(*settings[n]) : 0; };
    auto& name = (*names)[i];
    queue_counts c{.queue = name,
                   .ready = static_cast<std::uint64_t>(number_of(*(*replies)[i * 4])),
                   .running = static_cast<std::uint64_t>(number_of(*(*replies)[i * 4 + 1])),
                   .delayed = (*delayed)[name],
                   .oldest_ms = age_of(name, *(*replies)[i * 4 + 3]),
                   .paused = setting(0) != 0,
                   .limits = {static_cast<unsigned>(setting(1)), static_cast<unsigned>(setting(2)),
                              milliseconds(setting(3) > 0 ? setting(3) : 1000)}};
    // The tokens' fraction does not matter here.
    c.at_limit = is_at_limit(c.limits, c.running, static_cast<double>(setting(4)), setting(5), now);
    list.push_back(std::move(c));
    delayed->erase(name);
  }
  for (auto& [name, count] : *delayed) list.push_back({.queue = name, .delayed = count});
  return list;
}

result<job_page> redis_job_lists::jobs(job_state state, const std::string& queue,
                                       std::size_t offset, std::size_t count) {
  job_page found;
  std::size_t at = 0, bytes = 0;
  auto take = [&](const job_view& v) {
    if (!queue.empty() && v.queue != queue) return true;
    if (at++ < offset) return true;
    found.more = found.jobs.size() == count || bytes > job_page_bytes;
    if (found.more) return false;
    bytes += v.payload.size();
    found.jobs.push_back(v);
    return true;
  };
  result<void> ok;
  switch (state) {
    case job_state::ready:
      ok = for_each_ready(queue, offset, at, take);
      break;
    case job_state::running:
      ok = for_each_running(take);
      break;
    case job_state::delayed:
      ok = for_each_delayed(take);
      break;
    case job_state::dead:
      ok = for_each_dead(take, queue.empty() ? std::exchange(offset, 0) : 0);
      break;
  }
  if (!ok) return tl::unexpected<error>(ok.error());
  if (state == job_state::ready || state == job_state::delayed)
    if (auto known = add_attempts(found.jobs); !known) return tl::unexpected<error>(known.error());
  return found;
}

/// A list knows its length, so whole queues before `offset` are passed over unread; `at` counts
/// them, too.
result<void> redis_job_lists::for_each_ready(const std::string& queue, std::size_t offset,
                                             std::size_t& at, const visitor& f) {
  auto names =
      queue.empty() ? known_queues(true) : result<std::vector<std::string>>(std::vector{queue});
  if (!names) return tl::unexpected<error>(names.error());
  bool goes_on = true;
  for (auto& name : *names) {
    auto length = client_.call({"LLEN", key("queue:" + name)});
    if (!length) {
      if (may_pass(length.error())) return tl::unexpected<error>(length.error());
      continue;  // a key of another kind is nobody's queue
    }
    auto size = static_cast<std::size_t>(number_of(**length));
    auto begin = offset > at ? std::min(offset - at, size) : 0;
    at += begin;
    auto ok = for_each_element("queue:" + name, begin, [&](const std::string& bytes) {
      return goes_on = f({.id = key_of_job(bytes), .queue = name, .payload = bytes});
    });
    if (!ok || !goes_on) return ok;
  }
  return {};
}

result<void> redis_job_lists::add_attempts(std::vector<job_view>& list) {
  if (list.empty()) return {};
  std::vector<std::string> names{key("sm:attempts")};
  for (auto& v : list) names.push_back(sha1_hex(v.payload));
  std::vector<std::string_view> command{"HMGET"};
  command.insert(command.end(), names.begin(), names.end());
  std::vector<std::vector<std::string_view>> one{command};
  auto replies = client_.pipeline(one);
  if (!replies) return tl::unexpected<error>(replies.error());
  auto values = elements_of(*replies->front());
  for (std::size_t i = 0; i < list.size() && i < values.size(); ++i) {
    auto text = text_of(*values[i]);  // FAILURES:CRASHES:MS
    list[i].failures = static_cast<unsigned>(number_of(text));
    text.remove_prefix(std::min(text.find(':') + 1, text.size()));
    list[i].crashes = static_cast<unsigned>(number_of(text));
  }
  return {};
}

result<std::optional<job_view>> redis_job_lists::find(const job_id& id) {
  std::optional<job_view> found;
  auto match = [&](const job_view& v) {
    if (v.id == id) found = v;
    return !found;
  };
  if (auto ok = for_each_running(match); !ok || found) return or_error(ok, found);
  if (auto ok = for_each_delayed(match); !ok || found) return or_error(ok, found);
  auto names = known_queues(true);
  if (!names) return tl::unexpected<error>(names.error());
  std::size_t looked = 0;
  for (auto& queue : *names) {
    auto ok = for_each_element("queue:" + queue, 0, [&](const std::string& bytes) {
      if (++looked > search_max) return false;
      // Quick to rule out; a job without an id is named by its bytes.
      if (bytes.find(id) == bytes.npos && id.size() != 40) return true;
      return match({.id = key_of_job(bytes), .queue = queue, .payload = bytes});
    });
    if (found) return found;
    if (!ok && may_pass(ok.error())) return tl::unexpected<error>(ok.error());
  }
  if (auto ok = for_each_dead(match, 0, {.ids = {id}}); !ok || found) return or_error(ok, found);
  // It may have been claimed while it was looked for.
  if (auto ok = for_each_running(match); !ok || found) return or_error(ok, found);
  if (looked > search_max)
    return fail(errc::conflict,
                "is not among the first " + std::to_string(search_max) +
                    " jobs that wait; it was not looked for further",
                id);
  return found;
}

result<std::vector<std::string>> redis_job_lists::known_queues(bool fresh) {
  auto now = redis_client::clock::now();
  if (fresh || now >= known_until_) {
    auto reply = client_.call({"SMEMBERS", key("queues")});
    if (!reply) return tl::unexpected<error>(reply.error());
    known_.clear();
    for (auto* queue : elements_of(**reply)) known_.emplace_back(text_of(*queue));
    std::sort(known_.begin(), known_.end());
    known_until_ = now + queues_known_for;
  }
  return known_;
}

result<redis_job_lists::part> redis_job_lists::range(const std::string& list, std::size_t from,
                                                     std::size_t count) {
  auto reply = client_.eval(redis_scripts::range, arguments(client_.url().prefix)
                                                      << list << from << count
                                                      << client_.limits().bytes / 2);
  if (!reply) return tl::unexpected<error>(reply.error());
  auto fields = elements_of(**reply);
  if (fields.empty())
    return tl::unexpected<error>(
        client_.in_doubt("it answered a look at a list with something else"));
  part found{.ended = number_of(*fields[0]) != 0};
  for (auto* e : fields.subspan(1)) found.elements.emplace_back(text_of(*e));
  if (found.elements.empty()) found.ended = true;
  return found;
}

result<void> redis_job_lists::for_each_element(
    const std::string& list, std::size_t from,
    const std::function<bool(const std::string& element)>& f) {
  for (;;) {
    auto found = range(list, from, page);
    if (!found) return tl::unexpected<error>(found.error());
    for (auto& element : found->elements)
      if (!f(element)) return {};
    if (found->ended) return {};
    from += found->elements.size();
  }
}

result<void> redis_job_lists::for_each_running(const visitor& f) {
  auto members = client_.call({"ZRANGE", key("sm:leases"), "0", "-1"});
  if (!members) return tl::unexpected<error>(members.error());
  for (auto* member : elements_of(**members)) {
    auto text = text_of(*member);
    auto colon = text.find(':');
    std::string queue(text.substr(std::min(colon + 1, text.size())));
    auto record = client_.call({"HGET", key("sm:inflight:" + queue), text.substr(0, colon)});
    if (!record) return tl::unexpected<error>(record.error());
    auto rest = text_of(**record);
    if (rest.empty()) continue;
    std::string fields[4];
    for (auto& field : fields) {
      auto end = rest.find('\n');
      field = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    job_view v{.id = key_of_job(rest),
               .queue = queue,
               .payload = std::string(rest),
               .state = job_state::running,
               .worker = fields[0],
               .failures = static_cast<unsigned>(number_of(fields[1])),
               .crashes = static_cast<unsigned>(number_of(fields[2]))};
    if (!f(v)) return {};
  }
  return {};
}

result<void> redis_job_lists::for_each_delayed(const visitor& f) {
  for (std::size_t from = 0, step = first_step;;) {
    auto reply = client_.call({"ZRANGE", key("sm:delayed"), std::to_string(from),
                               std::to_string(from + step - 1), "WITHSCORES"});
    if (!reply) return tl::unexpected<error>(reply.error());
    auto fields = elements_of(**reply);
    std::size_t bytes_read = 0;
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      auto raw = text_of(*fields[i]);
      bytes_read += raw.size();
      auto first = raw.find('\n'), second = raw.find('\n', first + 1);
      if (second == raw.npos) continue;
      std::string bytes(raw.substr(second + 1));
      if (!f({.id = key_of_job(bytes),
              .queue = std::string(raw.substr(first + 1, second - first - 1)),
              .payload = bytes,
              .state = job_state::delayed,
              .run_at_ms = number_of(*fields[i + 1]),
              .record = std::string(raw)}))
        return {};
    }
    if (fields.size() < 2 * step) break;
    from += step;
    step = step_for(bytes_read / step);
  }
  return for_each_plugin_job(f);
}

result<void> redis_job_lists::for_each_plugin_job(const visitor& f) {
  constexpr std::size_t times_at_once = 10'000;
  for (std::size_t from = 0;; from += times_at_once) {
    auto times = client_.call({"ZRANGE", key("delayed_queue_schedule"), std::to_string(from),
                               std::to_string(from + times_at_once - 1)});
    if (!times) return tl::unexpected<error>(times.error());
    for (auto* time : elements_of(**times)) {
      auto list = "delayed:" + std::string(text_of(*time));
      bool goes_on = true;
      auto ok = for_each_element(list, 0, [&](const std::string& element) {
        auto job = from_plugin_form(element);
        return !job || (goes_on = f({.id = key_of_job(job->bytes),
                                     .queue = job->queue,
                                     .payload = job->bytes,
                                     .state = job_state::delayed,
                                     .run_at_ms = number_of(*time) * 1000,
                                     .record = element,
                                     .list = list}));
      });
      if (!ok || !goes_on) return ok;
    }
    if (elements_of(**times).size() < times_at_once) return {};
  }
}

result<void> redis_job_lists::for_each_dead(const visitor& f, std::size_t from,
                                            const dead_filter& filter) {
  auto position = static_cast<std::int64_t>(from);
  return for_each_element("failed", from, [&](const std::string& element) {
    auto at = position++;
    if (!may_fit(element, filter)) return true;
    auto v = to_view(decode_failure(element));
    v.record = element;
    v.position = at;
    return f(v);
  });
}

result<dead_page> redis_job_lists::dead(const dead_filter& filter, const dead_cursor& from,
                                        std::size_t look_at) {
  dead_page found{.next = from, .more = true};
  std::size_t bytes = 0;
  while (found.looked_at < look_at && bytes <= job_page_bytes) {
    auto some = range("failed", static_cast<std::size_t>(found.next.passed),
                      std::min(page, look_at - found.looked_at));
    if (!some) return tl::unexpected<error>(some.error());
    for (auto& element : some->elements) {
      auto at = found.next.passed++;
      ++found.looked_at;
      if (!may_fit(element, filter)) continue;
      auto v = to_view(decode_failure(element));
      if (!filter.fits(v)) continue;
      v.record = std::move(element);
      v.position = at;
      bytes += v.record.size();
      found.jobs.push_back(std::move(v));
    }
    found.more = !some->ended;
    if (some->ended) break;
  }
  return found;
}

/// Delayed jobs by queue: ours, and as many of the scheduler plugins' as can be read at once.
result<std::map<std::string, std::uint64_t>> redis_job_lists::delayed_counts() {
  auto reply = client_.call({"HGETALL", key("sm:delayed_count")});
  if (!reply) return tl::unexpected<error>(reply.error());
  std::map<std::string, std::uint64_t> counts;
  auto fields = elements_of(**reply);
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
    counts[std::string(text_of(*fields[i]))] =
        static_cast<std::uint64_t>(number_of(*fields[i + 1]));
  std::size_t looked = 0;
  auto plugins = for_each_plugin_job([&](const job_view& v) {
    ++counts[v.queue];
    return ++looked < page;
  });
  if (!plugins) return tl::unexpected<error>(plugins.error());
  return counts;
}

/// How long the head of a queue has waited. A job of Ruby's does not say when it came: it waits
/// since it was first seen at the head.
std::int64_t redis_job_lists::age_of(const std::string& queue, const redisReply& head) {
  // A key of another kind answers with an error.
  auto bytes = head.type == REDIS_REPLY_STRING ? text_of(head) : std::string_view{};
  if (bytes.empty()) {
    heads_.erase(queue);
    return 0;
  }
  auto now = unix_ms();
  std::int64_t since = 0;
  if (auto job = decode_payload(bytes); job && job->queue_time > 0)
    since = std::max(static_cast<std::int64_t>(job->queue_time * 1000), job->run_at_ms);
  if (since == 0) {
    auto& seen = heads_[queue];
    if (seen.first != bytes) seen = {std::string(bytes), now};
    since = seen.second;
  }
  return std::max<std::int64_t>(elapsed_ms(since, now), 1);
}

}  // namespace sm
