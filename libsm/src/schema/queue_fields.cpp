#include "schema/queue_fields.hpp"

#include <algorithm>
#include <sm/server.hpp>

namespace sm {
namespace {

constexpr std::int64_t number_max = std::numeric_limits<std::int32_t>::max();
/// The last moment that std::chrono::system_clock can name: in the year 2262.
constexpr std::int64_t run_at_max = 9'223'372'036'000;

constexpr std::string_view missed_words[] = {"skip", "once"};
constexpr std::string_view until_words[] = {"started", "done", "expired"};

constexpr field_row of_schedule[] = {
    row<&schedule_spec::name>("name", "letters, digits, `_`, `-` and `.`"),
    row<&schedule_spec::cron>("cron",
                              "minute hour day month weekday, with six fields seconds come first; "
                              "or `@hourly`, `@daily`, ..."),
    row<&schedule_spec::timezone>("timezone", "a name of the tz database"),
    row<&schedule_spec::type>("type", "the job's type"),
    row<&schedule_spec::argument>("argument", "the job's argument"),
    row<&schedule_spec::queue>("queue", "where the job is put"),
    row<&schedule_spec::missed>("missed",
                                "what becomes of times at which no clock ran: nothing, "
                                "or one job for all of them"),
    row<&schedule_spec::overlap>("overlap",
                                 "false: not while the job of an earlier time waits or runs"),
    row<&schedule_spec::enabled>("enabled", "false: it does not fire"),
};

constexpr field_row of_limits[] = {
    row<&queue_limits::concurrency>("concurrency", "jobs at a time, 0 for any number",
                                    {.most = number_max}),
    row<&queue_limits::rate>("rate", "jobs begun in each period, 0 for any number",
                             {.most = number_max}),
    row<&queue_limits::period>("period", "of the rate, a duration", {.least = 1}),
};

constexpr auto of_consumer = [] {
  constexpr auto& common = consumer_rows<consumer_spec>;
  std::array<field_row, common.size() + 2> all{
      row<&consumer_spec::instances>("instances", "processes; with `max` it begins with `min`",
                                     {.most = max_instances}),
      row<&consumer_spec::drain>("drain",
                                 "for jobs in hand when it is stopped; what is not done by then is "
                                 "handed back",
                                 {.least = 1})};
  std::copy(common.begin(), common.end(), all.begin() + 2);
  return all;
}();

constexpr field_row of_uniqueness[] = {
    row<&uniqueness::key>("key", "one job of each"),
    row<&uniqueness::held_until>("until", "when another may come"),
    row<&uniqueness::for_at_most>("for", "then it is free in any case"),
};

constexpr field_row of_job[] = {
    row<&job_body::type>("type", "the job's type"),
    row<&job_body::argument>("argument", "its argument"),
    row<&job_body::arguments>("arguments", "those of up to 10,000 jobs"),
    row<&job_body::queue>("queue", "`default` without it"),
    row<&job_body::id>("id", "the caller's own"),
    row<&job_body::delay>("delay", "a duration"),
    row<&job_body::run_at_ms>("run_at_ms", "Unix time", {.least = 0, .most = run_at_max}),
    row<&job_body::track>("track", "keep its state"),
    row<&job_body::unique>("unique", "`{\"key\", \"until\", \"for\"}`"),
};

}  // namespace

field_rows fields_of(const schedule_spec*) { return of_schedule; }
field_rows fields_of(const queue_limits*) { return of_limits; }
field_rows fields_of(const consumer_spec*) { return of_consumer; }
field_rows fields_of(const job_body*) { return of_job; }
field_rows fields_of(const uniqueness*) { return of_uniqueness; }

std::span<const std::string_view> words_of(schedule_spec::missed_times) noexcept {
  return missed_words;
}
std::span<const std::string_view> words_of(uniqueness::until) noexcept { return until_words; }

}  // namespace sm
