#include "queue/redis/reply_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sm {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

std::string reply_scanner::take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (text_left_ > 0) {
      auto taken = std::min(text_left_, bytes.size());
      bytes.remove_prefix(taken);
      text_left_ -= taken;
      if (text_left_ == 0) end_value();
      continue;
    }
    auto end = bytes.find('\n');
    auto part = bytes.substr(0, end == bytes.npos ? end : end + 1);
    if (line_.size() + part.size() > limits_.line)
      return "its reply has a line of more than " + std::to_string(limits_.line) + " bytes";
    bytes.remove_prefix(part.size());
    if (end == bytes.npos || !line_.empty()) line_ += part;
    if (end == bytes.npos) break;
    auto why = take_line(line_.empty() ? part : std::string_view(line_));
    line_.clear();
    if (!why.empty()) return why;
  }
  return {};
}

std::string reply_scanner::take_line(std::string_view line) {
  bytes_ += line.size();
  if (!line.ends_with("\r\n") || line.size() < 3) return "it does not speak Redis' protocol";
  auto kind = line.front();
  auto rest = line.substr(1, line.size() - 3);
  if (kind == '+' || kind == '-' || kind == ':') {
    if (kind == ':' && !whole_number(rest)) return "it does not speak Redis' protocol";
    if (bytes_ > limits_.bytes)
      return "its reply has more than " + std::to_string(limits_.bytes) + " bytes";
    end_value();
    return {};
  }
  auto size = whole_number(rest);
  if ((kind != '$' && kind != '*') || !size || *size < -1)
    return "it does not speak Redis' protocol";
  if (*size == -1) {
    end_value();
    return {};
  }
  auto count = static_cast<std::size_t>(*size);
  if (kind == '$') {
    if (count > limits_.bytes || bytes_ + count > limits_.bytes)
      return "its reply has more than " + std::to_string(limits_.bytes) + " bytes";
    bytes_ += count;
    text_left_ = count + 2;
    return {};
  }
  if (count > limits_.elements || elements_ + count > limits_.elements)
    return "its reply has more than " + std::to_string(limits_.elements) + " elements";
  elements_ += count;
  if (count == 0) {
    end_value();
    return {};
  }
  if (arrays_.size() == limits_.depth)
    return "its reply is nested deeper than " + std::to_string(limits_.depth) + " levels";
  arrays_.push_back(count);
  return {};
}

void reply_scanner::end_value() {
  while (!arrays_.empty()) {
    if (--arrays_.back() > 0) return;
    arrays_.pop_back();
  }
  ++whole_;
  bytes_ = elements_ = 0;
}

}  // namespace sm
