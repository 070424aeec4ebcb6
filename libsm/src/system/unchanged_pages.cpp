#include "system/unchanged_pages.hpp"

#include <sys/mman.h>

#include <optional>

#include "system/whole_file.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

constexpr std::size_t smaps_max = 4 << 20;

/// The next word of `line`, which goes on behind it; empty at the end.
std::string_view word_of(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  auto word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

/// "5581-5592 r-xp 00000000 fe:00 12345   /usr/bin/x", when it is a file's that nobody may write.
std::optional<mapping> file_mapping(std::string_view line) {
  auto range = word_of(line);
  auto rights = word_of(line);
  word_of(line);  // its place in the file
  word_of(line);  // the device
  auto inode = word_of(line);
  auto dash = range.find('-');
  if (dash == range.npos || rights.size() != 4 || rights[1] != '-' || rights[3] != 'p') return {};
  if (auto number = parse_integer<std::uint64_t>(inode); !number || *number == 0) return {};
  auto begin = parse_integer<std::uintptr_t>(range.substr(0, dash), 1, UINTPTR_MAX, 16);
  auto end = parse_integer<std::uintptr_t>(range.substr(dash + 1), 1, UINTPTR_MAX, 16);
  if (!begin || !end || *begin >= *end) return {};
  return mapping{*begin, *end};
}

}  // namespace

std::vector<mapping> unchanged_mappings(std::string_view smaps) {
  std::vector<mapping> found;
  std::optional<mapping> current;
  bool anonymous_seen = false, swap_seen = false;
  auto close = [&] {
    if (current && anonymous_seen && swap_seen) found.push_back(*current);
    current.reset();
    anonymous_seen = swap_seen = false;
  };
  while (!smaps.empty()) {
    auto line = smaps.substr(0, smaps.find('\n'));
    smaps.remove_prefix(std::min(line.size() + 1, smaps.size()));
    auto first = line.empty() ? ' ' : line.front();
    // The fields of a mapping begin with capitals, its address with a digit of base 16.
    if ((first >= '0' && first <= '9') || (first >= 'a' && first <= 'f')) {
      close();
      current = file_mapping(line);
      continue;
    }
    if (!current) continue;
    auto name = word_of(line);
    bool anonymous = name == "Anonymous:", swap = name == "Swap:";
    if (!anonymous && !swap) continue;
    (anonymous ? anonymous_seen : swap_seen) = true;
    if (word_of(line) != "0") current.reset();
  }
  close();
  return found;
}

void release_unchanged_pages() {
  auto smaps = read_whole_file("/proc/self/smaps", smaps_max);
  if (!smaps) return;  // no /proc: the pages stay
  for (auto& m : unchanged_mappings(*smaps))
    ::madvise(reinterpret_cast<void*>(m.begin), m.end - m.begin, MADV_DONTNEED);
}

}  // namespace sm
