#include "manager/usage_board.hpp"

#include <sm/guarded.hpp>

#include "process/build_id.hpp"
#include "process/proc_stat.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto fresh = 1s;
constexpr auto patience = 500ms;

std::optional<process_usage> read_usage(pid_t pid) {
  auto s = read_proc_stat(pid);
  if (!s) return std::nullopt;
  return process_usage{s->cpu_seconds, s->memory_bytes, executable_link_of(pid)};
}

}  // namespace

void usage_board::refresh(std::vector<pid_t> pids, std::function<void()> then) {
  if (is_fresh()) return then();
  waiting_.push_back(std::move(then));
  if (waiting_.size() == 1) {
    patience_.expires_after(patience);
    patience_.async_wait([this](error_code ec) {
      if (!ec) answer();
    });
  }
  if (reading_) return;
  reading_ = reader_.post([this, pids = std::move(pids)] {
    readings all;
    all.reserve(pids.size());
    for (auto pid : pids)
      if (auto usage = read_usage(pid)) all.emplace(pid, std::move(*usage));
    loop_.defer([this, all = std::make_shared<readings>(std::move(all))] {
      reading_ = false;
      known_ = std::move(*all);
      read_at_ = clock::now();
      answer();
    });
  });
  if (!reading_) answer();
}

bool usage_board::is_fresh() const {
  return read_at_ != clock::time_point{} && clock::now() - read_at_ < fresh;
}

void usage_board::answer() {
  patience_.cancel();
  for (auto& then : std::exchange(waiting_, {})) (void)guarded("a listing", then);
}

const process_usage* usage_board::of(pid_t pid) {
  if (auto known = known_.find(pid); known != known_.end() && is_fresh()) return &known->second;
  latest_ = read_usage(pid);
  return latest_ ? &*latest_ : nullptr;
}

}  // namespace sm
