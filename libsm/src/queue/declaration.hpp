// What a program declares of the queue, looked at as a whole: names that fit nothing.
#pragma once

#include <map>
#include <sm/job.hpp>
#include <sm/schedule.hpp>
#include <string>
#include <vector>

namespace sm {

struct queue_declaration {
  std::vector<schedule_spec> schedules{};
  std::map<std::string, queue_limits> limits{};
  std::vector<std::string> job_types{};
  std::vector<std::string> queues{};  ///< patterns of all consumers
};

/// A sentence for each job type of a schedule that the program does not know, and for each queue of
/// a schedule or a limit that no consumer of the program takes from. They are no errors: other
/// programs may perform what this one has put in. A program without job types, or without
/// consumers, leaves all of that to others.
std::vector<std::string> doubts(const queue_declaration& declared);

}  // namespace sm
