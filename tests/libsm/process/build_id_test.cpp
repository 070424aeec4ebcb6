#include "process/build_id.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
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
  auto self = look_at_executable(::getpid());
  auto outdated = [&](const std::filesystem::path& next) {
    present_files files;
    return is_outdated(self, next, files);
  };
  EXPECT_FALSE(outdated({}));
  EXPECT_FALSE(outdated("/proc/self/exe"));
  std::filesystem::copy_file("/proc/self/exe", t.path() / "other");
  EXPECT_TRUE(outdated(t.path() / "other"));
  EXPECT_FALSE(outdated(t.path() / "none")) << "nothing else can be started";
}

TEST(build_id, a_process_is_outdated_when_its_file_was_replaced_or_removed) {
  test::temporary_folder t;
  auto file = t.path() / "sleep";
  std::filesystem::copy_file("/bin/sleep", file);
  std::array<int, 2> executes{};
  ASSERT_EQ(::pipe2(executes.data(), O_CLOEXEC), 0);
  auto pid = ::fork();
  if (pid == 0) {
    ::execl(file.c_str(), file.c_str(), "1000", nullptr);
    ::_exit(1);
  }
  ::close(executes[1]);
  char none = 0;
  ASSERT_EQ(::read(executes[0], &none, 1), 0);  // closed by exec
  ::close(executes[0]);
  auto runs = look_at_executable(pid);
  EXPECT_EQ(runs.path, file);
  EXPECT_EQ(runs.build, build_of("/bin/sleep"));
  auto outdated = [&] {
    present_files files;
    return is_outdated(runs, {}, files);
  };
  EXPECT_FALSE(outdated());
  std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now());
  EXPECT_FALSE(outdated()) << "it is the same file still";
  std::filesystem::copy_file("/bin/sleep", t.path() / "next");
  std::filesystem::rename(t.path() / "next", file);
  EXPECT_TRUE(outdated());
  EXPECT_EQ(look_at_executable(pid).path, "") << "looked at too late: the path leads elsewhere";
  present_files files;
  EXPECT_TRUE(is_outdated(look_at_executable(pid), {}, files));
  std::filesystem::remove(file);
  EXPECT_TRUE(outdated());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(is_outdated(look_at_executable(pid), {}, files)) << "there is none";
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
