#include "system/unchanged_pages.hpp"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "text/numbers.hpp"

namespace sm {
namespace {

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

std::uintptr_t page_size() {
  static const auto size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  return size;
}
std::uintptr_t page_of(std::uintptr_t address) { return address & ~(page_size() - 1); }

/// Of one object what is loaded from its file and never written, as far as `unchanged` has it. The
/// loader lists an object when it is mapped as a whole, and waits for us before it takes one away:
/// what a thread that loads one maps for the moment is in no list.
int release(dl_phdr_info* object, std::size_t, void* unchanged) {
  for (auto* part = object->dlpi_phdr; part != object->dlpi_phdr + object->dlpi_phnum; ++part) {
    if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0) continue;
    auto begin = page_of(object->dlpi_addr + part->p_vaddr);
    auto end = page_of(object->dlpi_addr + part->p_vaddr + part->p_memsz + page_size() - 1);
    for (auto& m : *static_cast<const std::vector<mapping>*>(unchanged)) {
      auto from = std::max(m.begin, begin), to = std::min(m.end, end);
      if (from >= to) continue;
      // The kernel names addresses by number. NOLINTNEXTLINE(performance-no-int-to-ptr)
      ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
    }
  }
  return 0;
}

}  // namespace

std::vector<mapping> unchanged_mappings(std::istream& smaps) {
  std::vector<mapping> found;
  std::optional<mapping> current;
  bool anonymous_seen = false, swap_seen = false, in_memory = false;
  auto close = [&] {
    if (current && anonymous_seen && swap_seen && in_memory) found.push_back(*current);
    current.reset();
    anonymous_seen = swap_seen = in_memory = false;
  };
  for (std::string text; std::getline(smaps, text);) {
    std::string_view line = text;
    auto first = line.empty() ? ' ' : line.front();
    // The fields of a mapping begin with capitals, its address with a digit of base 16.
    if ((first >= '0' && first <= '9') || (first >= 'a' && first <= 'f')) {
      close();
      current = file_mapping(line);
      continue;
    }
    if (!current) continue;
    auto name = word_of(line);
    bool none = word_of(line) == "0";
    if (name == "Rss:") {
      in_memory = !none;
    } else if (name == "Anonymous:" || name == "Swap:") {
      (name == "Swap:" ? swap_seen : anonymous_seen) = true;
      if (!none) current.reset();
    }
  }
  close();
  return found;
}

void release_unchanged_pages() {
  std::ifstream smaps("/proc/self/smaps");  // without /proc the pages stay
  auto unchanged = unchanged_mappings(smaps);
  ::dl_iterate_phdr(release, &unchanged);
}

}  // namespace sm
