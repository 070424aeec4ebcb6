#include "service/rollout.hpp"

#include <algorithm>

namespace sm {
namespace {

bool is_there(const std::vector<slot_view>& slots, unsigned index) {
  return index < slots.size() && slots[index].fresh && slots[index].ready;
}

}  // namespace

rollout::rollout(rollout_plan plan) : plan_(std::move(plan)) {
  std::erase_if(plan_.outdated, [&](unsigned index) { return index >= plan_.instances; });
  plan_.batch = std::max(1U, plan_.batch);
}

rollout_step rollout::next(const std::vector<slot_view>& slots) {
  auto failed = [&](const std::vector<unsigned>& indexes) -> const slot_view* {
    for (auto index : indexes)
      if (index < slots.size() && slots[index].failed) return &slots[index];
    return nullptr;
  };
  auto all_there = [&](const std::vector<unsigned>& indexes) {
    return std::all_of(indexes.begin(), indexes.end(),
                       [&](unsigned index) { return is_there(slots, index); });
  };
  switch (phase_) {
    case phase::begin: {
      if (plan_.outdated.empty()) return {.over = true};
      if (!plan_.start_first) {
        phase_ = phase::replacing;
        return replace_next();
      }
      phase_ = phase::extra;
      auto count = std::min(plan_.batch, static_cast<unsigned>(plan_.outdated.size()));
      for (unsigned n = 0; n < count; ++n) extra_.push_back(plan_.instances + n);
      return {.start_extra = extra_};
    }
    case phase::extra:
      if (auto* slot = failed(extra_)) return {.over = true, .rolled_back = slot->why};
      if (!all_there(extra_)) return {};
      phase_ = phase::replacing;
      return replace_next();
    case phase::replacing:
      if (auto* slot = failed(in_work_)) return {.over = true, .rolled_back = slot->why};
      if (!all_there(in_work_)) return {};
      return replace_next();
  }
  return {};
}

rollout_step rollout::replace_next() {
  if (plan_.outdated.empty()) return {.over = true};
  auto count = std::min<std::size_t>(plan_.batch, plan_.outdated.size());
  auto end = plan_.outdated.begin() + static_cast<std::ptrdiff_t>(count);
  in_work_.assign(plan_.outdated.begin(), end);
  plan_.outdated.erase(plan_.outdated.begin(), end);
  return {.replace = in_work_};
}

}  // namespace sm
