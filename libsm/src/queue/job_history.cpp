#include "queue/job_history.hpp"

namespace sm {
namespace {

std::uint64_t more(std::uint64_t now, std::uint64_t before) {
  return now > before ? now - before : 0;
}

}  // namespace

void job_history::add(const job_tally& all, const depth& waiting, std::int64_t now_ms) {
  until_ms_ = now_ms;
  auto before = std::exchange(before_, all);
  if (!before) return;
  sample s;
  s.done = static_cast<std::uint32_t>(more(all.ended[0], before->ended[0]));
  for (auto how : {1U, 2U, 4U})  // retried, dead, crashed
    s.failed += static_cast<std::uint32_t>(more(all.ended.at(how), before->ended.at(how)));
  auto took = more(all.took.count(), before->took.count());
  if (took > 0 && all.took.sum > before->took.sum)
    s.took_s = static_cast<float>((all.took.sum - before->took.sum) / static_cast<double>(took));
  s.ready = static_cast<std::uint32_t>(waiting.ready);
  s.latency_s = static_cast<float>(waiting.latency_s);
  ring_.at(next_) = s;
  next_ = (next_ + 1) % steps;
  count_ = std::min(count_ + 1, steps);
}

json job_history::document() const {
  json all{{"step_s", step_s}, {"until_ms", until_ms_}};
  for (auto* name : {"done", "failed", "took_s", "ready", "latency_s"}) all[name] = json::array();
  for (std::size_t i = 0; i < count_; ++i) {
    auto& s = ring_.at((next_ + steps - count_ + i) % steps);
    all["done"].push_back(s.done);
    all["failed"].push_back(s.failed);
    all["took_s"].push_back(s.took_s);
    all["ready"].push_back(s.ready);
    all["latency_s"].push_back(s.latency_s);
  }
  return all;
}

}  // namespace sm
