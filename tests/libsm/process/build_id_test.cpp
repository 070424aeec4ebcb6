#include "process/build_id.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace sm {

TEST(build_id, it_is_the_linkers_and_follows_the_content_not_the_file) {
  auto own = build_of("/proc/self/exe");
  ASSERT_EQ(own.size(), 40U) << own << ": ld --build-id is the default here";
  EXPECT_EQ(own.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(build_of_process(::getpid()), own);
  test::temporary_folder t;
  std::filesystem::copy_file("/proc/self/exe", t.path() / "copy");
  EXPECT_EQ(build_of(t.path() / "copy"), own);
}

TEST(build_id, without_one_size_and_time_tell_builds_apart) {
  test::temporary_folder t;
  std::ofstream(t.path() / "script") << "#!/bin/sh\n";
  auto first = build_of(t.path() / "script");
  EXPECT_TRUE(first.starts_with("stat-")) << first;
  std::ofstream(t.path() / "script", std::ios::app) << "exit 0\n";
  EXPECT_NE(build_of(t.path() / "script"), first);
  EXPECT_EQ(build_of(t.path() / "none"), "");
  EXPECT_EQ(build_of(t.path()), "");
}

TEST(build_id, a_file_that_promises_more_than_it_has_is_read_as_having_none) {
  test::temporary_folder t;
  std::ifstream from("/proc/self/exe", std::ios::binary);
  std::string head(4096, '\0');
  from.read(head.data(), 4096);
  for (std::size_t cut : {4U, 16U, 64U, 100U, 700U}) {
    std::ofstream(t.path() / "cut", std::ios::binary) << head.substr(0, cut);
    EXPECT_TRUE(build_of(t.path() / "cut").starts_with("stat-")) << cut;
  }
  auto bent = head;
  bent[56] = bent[57] = '\xff';  // e_phnum
  std::ofstream(t.path() / "bent", std::ios::binary) << bent;
  EXPECT_TRUE(build_of(t.path() / "bent").starts_with("stat-"));
}

TEST(build_id, a_process_is_outdated_when_its_path_leads_elsewhere) {
  test::temporary_folder t;
  EXPECT_FALSE(is_outdated(::getpid()));
  EXPECT_FALSE(is_outdated(::getpid(), "/proc/self/exe"));
  std::filesystem::copy_file("/proc/self/exe", t.path() / "other");
  EXPECT_TRUE(is_outdated(::getpid(), t.path() / "other"));
  EXPECT_FALSE(is_outdated(::getpid(), t.path() / "none")) << "nothing else can be started";
}

TEST(build_id, a_link_by_which_the_program_was_called_is_followed) {
  test::temporary_folder t;
  auto self = std::filesystem::read_symlink("/proc/self/exe");
  std::filesystem::create_symlink(self, t.path() / "current");
  EXPECT_EQ(own_executable((t.path() / "current").string()), t.path() / "current");
  EXPECT_EQ(own_executable("just_a_name"), self);
  EXPECT_EQ(own_executable("/bin/sh"), self);
}

}  // namespace sm
