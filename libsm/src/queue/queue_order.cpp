#include "queue/queue_order.hpp"

#include <fnmatch.h>
#include <locale.h>

#include <algorithm>

#include "queue/payload.hpp"

namespace sm {
namespace {

constexpr std::size_t alternatives_max = 128;

bool is_glob(const std::string& pattern) noexcept {
  return pattern.find_first_of("*?[{") != pattern.npos;
}

/// "a{b,c}d" as "abd", "acd"; fnmatch(3) knows the rest.
std::vector<std::string> expand_braces(const std::string& pattern) {
  auto open = pattern.find('{');
  auto close = pattern.find('}', open == pattern.npos ? 0 : open);
  if (open == pattern.npos || close == pattern.npos) return {pattern};
  std::vector<std::string> all;
  for (auto begin = open + 1; begin <= close;) {
    auto end = std::min(pattern.find(',', begin), close);
    for (auto& tail : expand_braces(pattern.substr(close + 1)))
      all.push_back(pattern.substr(0, open) + pattern.substr(begin, end - begin) + tail);
    begin = end + 1;
  }
  return all;
}

/// How many texts expand_braces() makes, or `most` when they are more: each pair of braces
/// multiplies them.
std::size_t alternatives(const std::string& pattern, std::size_t most) {
  std::size_t count = 1;
  for (std::size_t at = 0; count < most;) {
    auto open = pattern.find('{', at);
    auto close = pattern.find('}', open == pattern.npos ? 0 : open);
    if (open == pattern.npos || close == pattern.npos) return count;
    auto commas = std::count(pattern.begin() + static_cast<std::ptrdiff_t>(open),
                             pattern.begin() + static_cast<std::ptrdiff_t>(close), ',');
    count *= static_cast<std::size_t>(commas) + 1;
    at = close + 1;
  }
  return most;
}

/// fnmatch(3) reads characters and ranges as the thread's locale has them.
class bytes_guard {
 public:
  bytes_guard() : before_(::uselocale(bytes())) {}
  ~bytes_guard() { ::uselocale(before_); }
  bytes_guard(const bytes_guard&) = delete;
  bytes_guard& operator=(const bytes_guard&) = delete;

 private:
  static locale_t bytes() {
    static const locale_t made = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return made;
  }
  locale_t before_;
};

bool matches(const std::string& pattern, const std::string& queue) {
  bytes_guard guard;
  auto all = expand_braces(pattern);
  return std::any_of(all.begin(), all.end(),
                     [&](auto& p) { return ::fnmatch(p.c_str(), queue.c_str(), 0) == 0; });
}

}  // namespace

std::vector<std::string> queue_order(const std::vector<std::string>& patterns,
                                     const std::vector<std::string>& known) {
  auto sorted = known;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> order;
  auto add = [&](const std::string& queue) {
    bool left_out = std::any_of(patterns.begin(), patterns.end(), [&](auto& p) {
      return p.starts_with('!') && matches(p.substr(1), queue);
    });
    if (!left_out && std::find(order.begin(), order.end(), queue) == order.end())
      order.push_back(queue);
  };
  for (auto& pattern : patterns) {
    if (pattern.starts_with('!')) continue;
    if (!is_glob(pattern)) {
      add(pattern);
      continue;
    }
    for (auto& queue : sorted)
      if (matches(pattern, queue)) add(queue);
  }
  return order;
}

bool has_patterns(const std::vector<std::string>& patterns) noexcept {
  return std::any_of(patterns.begin(), patterns.end(), is_glob);
}

std::string check_queue_pattern(const std::string& pattern) {
  auto name = pattern.starts_with('!') ? pattern.substr(1) : pattern;
  for (char special : {'*', '?', '[', '{'}) std::replace(name.begin(), name.end(), special, 'x');
  if (!valid_queue_name(name))
    return "'" + pattern + "' is no queue: use 1 to 128 characters without blanks";
  if (alternatives(pattern, alternatives_max + 1) > alternatives_max)
    return "'" + pattern + "' has more than " + std::to_string(alternatives_max) +
           " alternatives in its braces";
  return {};
}

}  // namespace sm
