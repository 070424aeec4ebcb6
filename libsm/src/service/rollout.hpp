// Replaces the instances of a service by fresh ones, a batch at a time, so that as many as before
// stay ready: decisions over values, step by step, from what the instances are doing.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sm {

/// What a rollout needs to know of one instance.
struct slot_view {
  bool fresh = false;  ///< its process was started by this rollout
  bool ready = false;
  bool failed = false;  ///< a fresh one that ended, or was given up, before it was ready
  std::string why{};    ///< it failed
};

struct rollout_plan {
  unsigned instances = 1;   ///< how many the service has
  unsigned batch = 1;       ///< how many are replaced at a time
  bool start_first = true;  ///< extra instances stand in, so that none is missing meanwhile
  std::vector<unsigned> outdated{};  ///< the indexes to replace
};

struct rollout_step {
  std::vector<unsigned> start_extra{};  ///< start these instances beyond the number
  std::vector<unsigned> replace{};      ///< stop these, then start them again
  bool over = false;                    ///< the extra instances are not needed any more
  std::string rolled_back{};            ///< over, because of this
};

class rollout {
 public:
  explicit rollout(rollout_plan plan);

  /// What to do next, `slots` by index, the extra ones last. Call whenever something changed.
  rollout_step next(const std::vector<slot_view>& slots);

 private:
  enum class phase { begin, extra, replacing };

  rollout_step replace_next();

  rollout_plan plan_;
  phase phase_ = phase::begin;
  std::vector<unsigned> extra_;
  std::vector<unsigned> in_work_;
};

}  // namespace sm
