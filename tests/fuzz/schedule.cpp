// Schedules: the input is a cron line, or the document of a schedule.
#include "queue/schedule.hpp"

#include "queue/cron.hpp"

#include "fuzz.hpp"

namespace {

constexpr std::int64_t now_s = 1'764'340'000;  // 28 November 2025

void check_line(const sm::cron_line& line) {
  for (auto from :
       {now_s, std::int64_t{0}, std::int64_t{1'774'740'600}, std::int64_t{1'761'436'800}})
    if (auto next = line.next(from)) sm::fuzz::must(*next > from, "the next time is later");
}

}  // namespace

SM_FUZZ_TARGET(schedule) {
  for (auto* zone : {"", "Europe/Berlin"})
    if (auto line = sm::cron_line::parse(std::string(input), zone)) check_line(*line);
  auto document = sm::parse_json(input);
  if (!document) return;
  auto spec = sm::schedule_from_json(*document);
  if (!spec) return;
  for (auto last : {std::int64_t{0}, (now_s - 86'400) * 1000, (now_s + 86'400) * 1000})
    (void)sm::step(*spec, last, now_s * 1000);
  (void)sm::job_of(*spec, now_s * 1000);
  auto again =
      sm::schedule_in({.name = spec->name, .document = sm::print_json(sm::to_json(*spec))});
  sm::fuzz::must(again.has_value(), "a schedule is read as it is written");
}
