#include "queue/declaration.hpp"

#include <algorithm>

#include "queue/queue_order.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

std::string meant(const std::string& name, const std::vector<std::string>& known) {
  std::vector<std::string_view> names;
  for (auto& each : known)  // of a pattern nobody means the letters
    if (each.find_first_of("!*?[{") == each.npos) names.push_back(each);
  auto near = nearest(name, names);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

}  // namespace

std::vector<std::string> doubts(const queue_declaration& declared) {
  std::vector<std::string> all;
  auto& types = declared.job_types;
  auto is_consumed = [&](const std::string& queue) {
    auto order = queue_order(declared.queues, {queue});
    return declared.queues.empty() || std::find(order.begin(), order.end(), queue) != order.end();
  };
  auto nobody = [&](const std::string& queue) {
    return "the queue '" + queue + "', from which no consumer of this program takes jobs" +
           meant(queue, declared.queues);
  };
  for (auto& s : declared.schedules) {
    auto who = "the schedule '" + s.name + "' ";
    if (!types.empty() && std::find(types.begin(), types.end(), s.type) == types.end())
      all.push_back(who + "is of the job type '" + s.type + "', which this program does not know" +
                    meant(s.type, types));
    if (!is_consumed(s.queue)) all.push_back(who + "puts its jobs into " + nobody(s.queue));
  }
  for (auto& [queue, limits] : declared.limits)
    if (!is_consumed(queue)) all.push_back("there is a limit of " + nobody(queue));
  return all;
}

}  // namespace sm
