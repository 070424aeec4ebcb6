// The rows of what the queue is told: schedules, limits, consumers, jobs.
#pragma once

#include <array>
#include <sm/job.hpp>
#include <sm/schedule.hpp>

#include "schema/field.hpp"

namespace sm {

struct consumer_spec;

/// A job, or many of them, as the body of a request.
struct job_body {
  std::string type{};
  json argument = nullptr;
  std::vector<json> arguments{};
  std::string queue = enqueue_options{}.queue;
  job_id id{};
  std::chrono::milliseconds delay{0};
  std::int64_t run_at_ms = 0;
  bool track = true;
  uniqueness unique{};
};

field_rows fields_of(const schedule_spec*);
field_rows fields_of(const queue_limits*);
field_rows fields_of(const consumer_spec*);
field_rows fields_of(const job_body*);
field_rows fields_of(const uniqueness*);

std::span<const std::string_view> words_of(schedule_spec::missed_times) noexcept;
std::span<const std::string_view> words_of(uniqueness::until) noexcept;

/// What the declaration of a consumer and the parameters of its service have in common.
template <class Consumer>
inline constexpr std::array consumer_rows{
    row<&Consumer::queues>("queues", "by priority: names, `*`, globs; `!name` leaves out"),
    row<&Consumer::concurrency>("concurrency", "jobs at a time in each process",
                                {.least = 1, .most = 1000}),
    row<&Consumer::isolate>("isolate", "each job in a process of its own"),
    row<&Consumer::min>("min", "processes at least, with `max`"),
    row<&Consumer::max>("max", "over 0, the number of processes follows the work up to it",
                        {.least = 0, .most = 1000}),
    row<&Consumer::latency>("latency", "more processes while the oldest job waits for longer",
                            {.least = 1}),
    row<&Consumer::cool_down>("cool_down", "one less after so long without waiting jobs"),
};

}  // namespace sm
