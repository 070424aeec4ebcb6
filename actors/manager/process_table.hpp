// What leads from a run, a pid or a link to its instance, and the numbers that these go by. Runs in
// the loop alone.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace sm {

class instance;

class process_table {
 public:
  /// Numbers for links and for runs of instances, never used twice in a state folder.
  std::uint64_t take_number() noexcept { return next_number_++; }
  std::uint64_t next_number() const noexcept { return next_number_; }
  void count_from(std::uint64_t number) noexcept { next_number_ = std::max(next_number_, number); }

  void add_run(std::uint64_t incarnation, instance& i) { runs_[incarnation] = &i; }
  void end_run(std::uint64_t incarnation) { runs_.erase(incarnation); }
  instance* run(std::uint64_t incarnation) const { return find(runs_, incarnation); }

  void add_process(pid_t pid, instance& i) { processes_[pid] = &i; }
  void end_process(pid_t pid) { processes_.erase(pid); }
  instance* process(pid_t pid) const { return find(processes_, pid); }
  template <class F>
  void each_process(F f) const {
    for (auto& [pid, i] : processes_) f(pid, *i);
  }

  /// The link's slot, which is somebody else's once the link has ended.
  std::uint16_t add_link(std::uint64_t link, instance& i) {
    links_[link] = &i;
    if (free_slots_.empty()) return next_slot_++;
    auto slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  void end_link(std::uint64_t link, std::uint16_t slot) {
    if (links_.erase(link) > 0) free_slots_.push_back(slot);
  }
  instance* link(std::uint64_t number) const { return find(links_, number); }

 private:
  template <class Key>
  static instance* find(const std::unordered_map<Key, instance*>& table, Key key) {
    auto entry = table.find(key);
    return entry == table.end() ? nullptr : entry->second;
  }

  std::uint64_t next_number_ = 1;
  std::uint16_t next_slot_ = 1;
  std::vector<std::uint16_t> free_slots_;
  std::unordered_map<std::uint64_t, instance*> runs_, links_;
  std::unordered_map<pid_t, instance*> processes_;
};

}  // namespace sm
