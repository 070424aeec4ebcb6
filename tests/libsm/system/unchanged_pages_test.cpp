#include "system/unchanged_pages.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace sm {
namespace {

std::string row(const std::string& head, const std::string& anonymous = "0",
                const std::string& swap = "0", const std::string& rss = "4") {
  return head + "\nSize: 4 kB\nRss: " + rss + " kB\nAnonymous:         " + anonymous +
         " kB\nKSM:  0 kB\nSwap:                " + swap + " kB\nVmFlags: rd ex mr mw me\n";
}

std::vector<mapping> unchanged_in(const std::string& smaps) {
  std::istringstream in(smaps);
  return unchanged_mappings(in);
}

TEST(unchanged_pages, are_of_files_private_read_only_and_untouched) {
  using list = std::vector<mapping>;
  const std::string library = " 00001000 fe:00 1234     /usr/lib/a library.so";
  const list found{{0x1000, 0x3000}};
  EXPECT_EQ(unchanged_in(row("1000-3000 r-xp" + library)), found);
  EXPECT_EQ(unchanged_in(row("1000-3000 r--p" + library)), found);
  EXPECT_EQ(unchanged_in(row("1000-3000 r-xp" + library + " (deleted)")), found);
  EXPECT_EQ(unchanged_in(row("1000-3000 rw-p" + library)), list{}) << "may be written";
  EXPECT_EQ(unchanged_in(row("1000-3000 r--s" + library)), list{}) << "is shared";
  EXPECT_EQ(unchanged_in(row("1000-3000 r--p" + library, "4")), list{}) << "relocated";
  EXPECT_EQ(unchanged_in(row("1000-3000 r--p" + library, "0", "4")), list{}) << "and in swap";
  EXPECT_EQ(unchanged_in(row("1000-3000 r--p" + library, "0", "0", "0")), list{}) << "uncounted";
  EXPECT_EQ(unchanged_in(row("1000-3000 r--p 00000000 00:00 0")), list{}) << "of no file";
  EXPECT_EQ(unchanged_in(row("1000-3000 r-xp 00000000 00:00 0    [vdso]")), list{});
  EXPECT_EQ(unchanged_in("1000-3000 r-xp" + library + "\nRss: 4 kB\nAnonymous: 0 kB\n"), list{})
      << "cut before all was known";
  for (auto* odd : {"1000 r-xp", "3000-1000 r-xp", "1000-x r-xp", "0-3000 r-xp", "1000-3000 r-x"})
    EXPECT_EQ(unchanged_in(row(odd + library)), list{}) << odd;
  EXPECT_EQ(unchanged_in(""), list{});
  auto all = row("1000-3000 r-xp" + library) + row("3000-4000 rw-p" + library, "4") +
             row("abc000-abd000 r--p" + library);
  EXPECT_EQ(unchanged_in(all), (list{{0x1000, 0x3000}, {0xabc000, 0xabd000}}));
}

/// What smaps says of the mapping that `p` is in, in kB.
int in_memory(const void* p) {
  auto address = reinterpret_cast<std::uintptr_t>(p);
  std::ifstream in("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(in, line);) {
    std::uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      here = begin <= address && address < end;
    if (here && line.starts_with("Rss:")) return std::stoi(line.substr(4));
  }
  return -1;
}

TEST(unchanged_pages, of_a_library_leave_the_memory_and_come_again) {
  // SQLite's code, which nobody else runs now.
  auto* code = reinterpret_cast<const void*>(&::sqlite3_sourceid);
  const std::string id = ::sqlite3_sourceid();
  auto before = in_memory(code);
  ASSERT_GT(before, 0);
  release_unchanged_pages();
  EXPECT_LT(in_memory(code), before);
  EXPECT_EQ(::sqlite3_sourceid(), id);
  EXPECT_GT(in_memory(code), 0);
}

}  // namespace
}  // namespace sm
