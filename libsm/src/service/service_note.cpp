#include "service/service_note.hpp"

#include "json_members.hpp"

namespace sm {

std::string note_of(const json& d) {
  std::string note;
  auto add = [&](const std::string& text) {
    if (!text.empty()) note += (note.empty() ? "" : "; ") + text;
  };
  add(text_in(d, "reason"));
  if (auto waits = text_in(d, "waits_for"); !waits.empty()) add("waits for " + waits);
  if (auto next = text_in(d, "next_start_in"); !next.empty()) add("starts in " + next);
  auto state = text_in(d, "state");
  bool at_rest = state == "EXITED" || state == "BACKOFF" || state == "FATAL";
  auto last = text_in(d, "last_exit");
  if (at_rest && !last.empty() && note.find(last) == note.npos) add(last);
  if (auto rollout = text_in(d, "rollout"); !rollout.empty())
    add(rollout == "under way" ? "reload under way" : "reload taken back: " + rollout);
  if (at(d, "outdated") == true) add("outdated");
  add(text_in(d, "status_text"));
  return note;
}

}  // namespace sm
