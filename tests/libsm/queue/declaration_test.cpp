#include "queue/declaration.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

using sentences = std::vector<std::string>;

schedule_spec schedule(std::string type, std::string queue) {
  return {.name = "daily", .cron = "@daily", .type = std::move(type), .queue = std::move(queue)};
}

}  // namespace

TEST(declaration, what_fits_is_not_talked_about) {
  EXPECT_EQ(doubts({}), sentences{});
  EXPECT_EQ(doubts({.schedules = {schedule("Report", "mail_eu")},
                    .limits = {{"mail", {}}, {"mail_us", {}}},
                    .job_types = {"Report"},
                    .queues = {"mail", "mail_*"}}),
            sentences{});
  // What this program does not perform may be somebody else's.
  EXPECT_EQ(doubts({.schedules = {schedule("Report", "mail")}, .limits = {{"mail", {}}}}),
            sentences{});
}

TEST(declaration, an_unknown_job_type_and_a_queue_without_a_consumer_are_told_with_the_nearest) {
  EXPECT_EQ(
      doubts({.schedules = {schedule("Reprot", "mial")},
              .limits = {{"mial", {}}, {"other", {}}},
              .job_types = {"EmailWork", "Report"},
              .queues = {"mail", "!other"}}),
      (sentences{"the schedule 'daily' is of the job type 'Reprot', which this program does "
                 "not know; did you mean 'Report'?",
                 "the schedule 'daily' puts its jobs into the queue 'mial', from which no "
                 "consumer of this program takes jobs; did you mean 'mail'?",
                 "there is a limit of the queue 'mial', from which no consumer of this program "
                 "takes jobs; did you mean 'mail'?",
                 "there is a limit of the queue 'other', from which no consumer of this "
                 "program takes jobs"}));
}

}  // namespace sm
