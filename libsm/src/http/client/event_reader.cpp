#include "http/client/event_reader.hpp"

#include <utility>

namespace sm {

bool event_reader::feed(std::string_view bytes,
                        const std::function<bool(const received_event&)>& f) {
  for (char c : bytes) {
    if (std::exchange(after_cr_, c == '\r') && c == '\n') continue;
    if (c != '\n' && c != '\r') {
      if (line_.size() < max_) line_ += c;
      continue;
    }
    if (!line_.empty()) {
      take_line(line_);
      line_.clear();
      continue;
    }
    auto whole = std::exchange(event_, {});
    if (!whole.id.empty()) last_id_ = whole.id;
    if (std::exchange(has_data_, false) && !f(whole)) return false;
  }
  return true;
}

void event_reader::take_line(std::string_view line) {
  auto colon = line.find(':');
  auto name = line.substr(0, colon);
  auto value = colon == line.npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") event_.event = value;
  if (name == "id") event_.id = value;
  if (name != "data") return;
  if (std::exchange(has_data_, true)) event_.data += '\n';
  event_.data += value.substr(0, max_ - std::min(max_, event_.data.size()));
}

}  // namespace sm
