#include "service/reconcile.hpp"

#include <gtest/gtest.h>

#include <map>

namespace sm {
namespace {

using enum duty;

const std::map<duty, std::string> duties{
    {serves, "serves"}, {waits, "waits"}, {stands_in, "stands_in"}, {leaves, "leaves"}};
const std::map<telling, std::string> tellings{{telling::nothing, ""},
                                              {telling::start, "+start"},
                                              {telling::stop, "+stop"},
                                              {telling::restart, "+restart"},
                                              {telling::condemned, "+condemned"}};

/// What becomes of each duty, in the order of `duties`.
std::string all(occasion what, instance_state state, bool enabled) {
  std::string text;
  for (auto& [does, word] : duties) {
    auto next = reconcile(what, does, state, enabled);
    text += (text.empty() ? "" : " ") + duties.at(next.does) + tellings.at(next.tell);
  }
  return text;
}

struct choice {
  occasion what;
  std::vector<instance_state> states;
  const char* becomes;  ///< of one that serves, waits, stands in, leaves
  bool enabled = true;
};

using enum instance_state;
const std::vector<instance_state> every{stopped,  starting, running, backoff,
                                        stopping, exited,   fatal};
const std::vector<instance_state> rest{stopped, backoff, exited, fatal};
const std::vector<instance_state> with_process{starting, running, stopping};

}  // namespace

TEST(reconcile, says_of_each_duty_in_each_state_what_becomes_of_it) {
  for (auto& r : std::vector<choice>{
           {occasion::found, every, "serves serves stands_in stands_in"},
           {occasion::found, every, "serves serves stands_in leaves", false},
           {occasion::counted_in, every, "serves waits stands_in waits"},
           {occasion::counted_in, every, "serves waits stands_in serves", false},
           {occasion::counted_out, every, "leaves+stop leaves+stop stands_in leaves"},
           {occasion::extra, every,
            "stands_in+start stands_in+start stands_in+start stands_in+start"},
           {occasion::rollout_over, every, "serves waits leaves+stop leaves"},
           {occasion::undone, rest, "waits waits stands_in leaves"},
           {occasion::undone, with_process, "serves waits stands_in leaves"},
           {occasion::removed, every, "leaves+stop leaves+stop leaves+stop leaves+stop"},
           {occasion::start, rest, "waits waits stands_in leaves"},
           {occasion::start, {stopping}, "waits waits stands_in leaves"},
           {occasion::start, {starting, running}, "serves serves stands_in leaves"},
           {occasion::stop, every, "serves+stop serves+stop stands_in+stop leaves+stop"},
           {occasion::restart, rest, "waits waits stands_in leaves"},
           {occasion::restart, with_process,
            "serves+restart serves+restart stands_in+restart leaves"},
           {occasion::group_restart, rest, "serves waits stands_in leaves"},
           {occasion::group_restart, with_process,
            "waits+stop waits+stop stands_in+restart leaves"},
           {occasion::group_failed, every,
            "serves+condemned serves+condemned stands_in+condemned leaves+condemned"},
           {occasion::turn, rest, "serves serves+start stands_in leaves"},
           {occasion::turn, with_process, "serves waits stands_in leaves"},
           {occasion::starting, every, "serves serves stands_in leaves"},
           {occasion::shutdown, {stopped, stopping}, "serves serves stands_in leaves"},
           {occasion::shutdown,
            {starting, running, backoff, exited, fatal},
            "serves+stop serves+stop stands_in+stop leaves+stop"},
       })
    for (auto state : r.states)
      EXPECT_EQ(all(r.what, state, r.enabled), r.becomes)
          << "occasion " << static_cast<int>(r.what) << ", " << to_string(state);
}

}  // namespace sm
