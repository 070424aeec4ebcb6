#include "system/unchanged_pages.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "system/unique_fd.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

std::string row(const std::string& head, const std::string& anonymous = "0",
                const std::string& swap = "0") {
  return head + "\nSize: 4 kB\nRss: 4 kB\nAnonymous:         " + anonymous +
         " kB\nKSM:  0 kB\nSwap:                " + swap + " kB\nVmFlags: rd ex mr mw me\n";
}

TEST(unchanged_pages, are_of_files_private_read_only_and_untouched) {
  using list = std::vector<mapping>;
  const std::string library = " 00001000 fe:00 1234     /usr/lib/a library.so";
  const list found{{0x1000, 0x3000}};
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r-xp" + library)), found);
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r--p" + library)), found);
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r-xp" + library + " (deleted)")), found);
  EXPECT_EQ(unchanged_mappings(row("1000-3000 rw-p" + library)), list{}) << "may be written";
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r--s" + library)), list{}) << "is shared";
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r--p" + library, "4")), list{}) << "relocated";
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r--p" + library, "0", "4")), list{}) << "and in swap";
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r--p 00000000 00:00 0")), list{}) << "of no file";
  EXPECT_EQ(unchanged_mappings(row("1000-3000 r-xp 00000000 00:00 0    [vdso]")), list{});
  EXPECT_EQ(unchanged_mappings("1000-3000 r-xp" + library + "\nAnonymous: 0 kB\n"), list{})
      << "cut before all was known";
  for (auto* odd : {"1000 r-xp", "3000-1000 r-xp", "1000-x r-xp", "0-3000 r-xp", "1000-3000 r-x"})
    EXPECT_EQ(unchanged_mappings(row(odd + library)), list{}) << odd;
  EXPECT_EQ(unchanged_mappings(""), list{});
  auto all = row("1000-3000 r-xp" + library) + row("3000-4000 rw-p" + library, "4") +
             row("abc000-abd000 r--p" + library);
  EXPECT_EQ(unchanged_mappings(all), (list{{0x1000, 0x3000}, {0xabc000, 0xabd000}}));
}

/// What smaps says of the mapping at `p`, in kB.
int in_memory(const void* p) {
  std::ostringstream begin;
  begin << std::hex << reinterpret_cast<std::uintptr_t>(p) << '-';
  std::ifstream in("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(begin.str())) here = true;
    if (here && line.starts_with("Rss:")) return std::stoi(line.substr(4));
  }
  return -1;
}

TEST(unchanged_pages, leave_the_memory_and_come_again_and_what_was_changed_stays) {
  test::temporary_folder folder;
  auto file = folder.path() / "library";
  std::ofstream(file) << std::string(1 << 16, 'x');
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  auto map = [&](int rights) {
    auto* p = ::mmap(nullptr, 1 << 16, rights, MAP_PRIVATE, fd.get(), 0);
    EXPECT_NE(p, MAP_FAILED);
    return static_cast<char*>(p);
  };
  // Two neighbours of one file would be one mapping if their rights were the same.
  auto* text = map(PROT_READ | PROT_EXEC);
  auto* relocated = map(PROT_READ | PROT_WRITE);
  relocated[4096] = 'r';
  ASSERT_EQ(::mprotect(relocated, 1 << 16, PROT_READ), 0);
  volatile char touched = text[0];
  ASSERT_GT(in_memory(text), 0);
  release_unchanged_pages();
  EXPECT_EQ(in_memory(text), 0);
  EXPECT_EQ(relocated[4096], 'r');
  EXPECT_GT(in_memory(relocated), 0);
  touched = text[5000];
  EXPECT_EQ(touched, 'x');
  ::munmap(text, 1 << 16);
  ::munmap(relocated, 1 << 16);
}

}  // namespace
}  // namespace sm
