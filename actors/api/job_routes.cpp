#include <algorithm>
#include <array>
#include <mutex>
#include <sm/manager.hpp>

#include "api/queue_routes.hpp"
#include "http/url.hpp"
#include "queue/job_documents.hpp"
#include "queue/job_operations.hpp"
#include "queue/job_request.hpp"
#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/transfer.hpp"

namespace sm {
namespace {

constexpr std::size_t export_page = 500;

promise<response> enqueue(const request& rq, const std::string& queue,
                          const std::function<bool()>& has_clock) {
  auto wanted = read_job_request(body_of(rq), queue);
  if (wanted.options.delay.count() > 0 || wanted.options.run_at.time_since_epoch().count() > 0)
    need_clock(has_clock);
  auto& jobs = rq.manager().jobs();
  if (wanted.many)
    return jobs.enqueue_all(wanted.type, wanted.arguments, wanted.options)
        .transform([](std::vector<job_id> ids) {
          return with_status(201, {{"ids", ids}});
        });
  return jobs.enqueue(wanted.type, wanted.arguments.front(), wanted.options)
      .transform([](job_id id) {
        auto r = with_status(201, {{"id", id}});
        r.headers.emplace_back("Location", "/v1/jobs/" + percent_encode(id));
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
        .ask<job_page>(
            [state = states[state_], queue = queue_, offset = offset_](job_store& store) {
              return store.jobs(state, queue, offset, export_page);
            })
        .then([self = shared_from_this()](const result<job_page>& read) {
          self->take(read);
          self->wake();
        });
  }

  void take(const result<job_page>& read) {
    std::lock_guard lock(mutex_);
    reading_ = false;
    if (!read) {
      ready_ += print_json({{"error", to_string(read.error())}}) + "\n";
      ended_ = true;
      return;
    }
    for (auto& job : read->jobs) ready_ += export_line(job) + "\n";
    offset_ += read->jobs.size();
    if (!read->more) {
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

std::string queue_in_query(const request& rq) {
  auto name = rq.query("queue").value_or("");
  if (!name.empty() && !valid_queue_name(name))
    throw failure(errc::bad_arguments, no_queue_name(name), "queue");
  return name;
}

result<json> show_job(job_store& store, const job_id& id) {
  // Two looks: a job on its way from one place to another may be missed by one.
  std::string status;
  for (int looks = 0; looks < 2; ++looks) {
    auto read = store.status(id);
    if (!read) return tl::unexpected<error>(read.error());
    status = std::move(*read);
    if (has_ended(decode_status(status))) break;
    auto found = store.find(id);
    if (!found) return tl::unexpected<error>(found.error());
    if (!*found) continue;
    auto document = to_document(**found);
    add_status(document, status);
    return document;
  }
  if (status.empty()) return tl::unexpected<error>(no_such_job(id));
  json document{{"id", id}};
  // Whoever performed or removed it writes no status, as Resque in Ruby.
  if (!has_ended(decode_status(status))) document["state"] = "gone";
  add_status(document, status);
  return document;
}

}  // namespace

void add_job_routes(route_adder& at, queue_view& jobs, const std::function<bool()>& has_clock) {
  at.bind("jobs.list", [&jobs](request& rq) {
    auto state = job_state::ready;
    for (auto s : {job_state::running, job_state::delayed, job_state::dead})
      if (rq.query("state") == to_string(s)) state = s;
    return jobs.ask<json>(
        [state, queue = queue_in_query(rq), p = page_of(rq)](job_store& store) -> result<json> {
          auto list = store.jobs(state, queue, p.offset, p.limit);
          if (!list) return tl::unexpected<error>(list.error());
          return page_document("jobs", *list, p);
        });
  });
  at.bind("queues.jobs", [&jobs](request& rq) {
    return jobs.ask<json>([name = queue_of(rq), p = page_of(rq)](job_store& store) -> result<json> {
      auto list = store.jobs(job_state::ready, name, p.offset, p.limit);
      if (!list) return tl::unexpected<error>(list.error());
      return page_document("jobs", *list, p);
    });
  });
  at.bind("jobs.enqueue", [has_clock](request& rq) { return enqueue(rq, {}, has_clock); });
  at.bind("queues.enqueue",
          [has_clock](request& rq) { return enqueue(rq, queue_of(rq), has_clock); });
  at.bind("jobs.export", [&jobs](request& rq) {
    return response{.content_type = "application/x-ndjson",
                    .stream = std::make_shared<export_stream>(jobs, queue_in_query(rq))};
  });
  at.bind("jobs.import", [&jobs, has_clock](request& rq) {
    auto list = import_lines(rq.body());
    if (std::any_of(list.begin(), list.end(),
                    [](auto& job) { return job.state == job_state::delayed; }))
      need_clock(has_clock);
    return jobs.ask<json>([list = std::move(list)](job_store& store) -> result<json> {
      if (auto ok = store.import(list); !ok) return tl::unexpected<error>(ok.error());
      return json{{"imported", list.size()}};
    });
  });
  at.bind("jobs.show", [&jobs](request& rq) {
    return jobs.ask<json>(
        [id = std::string(rq.capture("id"))](job_store& store) { return show_job(store, id); });
  });
  at.bind("jobs.cancel", [&jobs](request& rq) {
    auto id = std::string(rq.capture("id"));
    return jobs.ask<cancel_outcome>([id](job_store& store) { return cancel_job(store, id); })
        .transform([id](cancel_outcome how) {
          return how == cancel_outcome::removed
                     ? with_status(200, {{"id", id}, {"state", "removed"}})
                     : with_status(202, {{"id", id}, {"state", "cancelling"}});
        });
  });
}

}  // namespace sm
