#include "log/log_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "log/process_log.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

std::string lost(std::uint64_t count, int) { return std::to_string(count) + " lost\n"; }

std::string text_of(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

TEST(log_file, it_rotates_by_size_and_keeps_as_many_as_it_shall) {
  test::temporary_folder t;
  auto path = t.path() / "x.log";
  log_file file(path, {.max_size = 10, .keep = 2}, lost);
  for (auto* line : {"one 1\n", "two 2\n", "three\n", "four4\n"}) file.write(line);
  EXPECT_EQ(text_of(path), "four4\n");
  EXPECT_EQ(text_of(t.path() / "x.log.1"), "three\n");
  EXPECT_EQ(text_of(t.path() / "x.log.2"), "two 2\n");
  EXPECT_FALSE(std::filesystem::exists(t.path() / "x.log.3"));
}

TEST(log_file, of_a_file_that_grew_too_big_the_last_lines_are_kept) {
  test::temporary_folder t;
  auto path = t.path() / "x.out.1";
  {
    std::ofstream file(path);
    for (int i = 0; i < 100'000; ++i) file << "line " << i << "\n";
  }
  keep_tail(path, 4096);
  auto text = text_of(path);
  EXPECT_LE(text.size(), 4096U);
  EXPECT_GT(text.size(), 4000U);
  EXPECT_TRUE(text.starts_with("line ")) << text.substr(0, 20);
  EXPECT_TRUE(text.ends_with("line 99999\n"));
  keep_tail(path, 4096);
  EXPECT_EQ(text_of(path), text);
}

TEST(log_file, a_file_that_was_removed_is_opened_again) {
  test::temporary_folder t;
  auto path = t.path() / "x.log";
  log_file file(path, {}, lost);
  file.write("one\n");
  std::filesystem::remove(path);
  // It looks again after a moment, not at every line.
  for (int i = 0; !std::filesystem::exists(path) && i < 100'000'000; ++i) file.write("two\n");
  EXPECT_NE(text_of(path).find("two\n"), std::string::npos);
}

TEST(log_file, what_a_full_disk_did_not_take_is_counted_and_said) {
  test::temporary_folder t;
  auto path = t.path() / "x.log";
  // The limit on a file's size fails a write as a full disk does.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  log_file file(path, {}, lost);
  file.write("one\n");
  rlimit small{6, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  file.write("two\n");
  file.write("three\nfour\n");
  ::setrlimit(RLIMIT_FSIZE, &before);
  file.write("five\n");
  EXPECT_EQ(text_of(path), "one\n3 lost\nfive\n");
}

TEST(log_file, a_folder_that_does_not_exist_stops_nobody) {
  log_file file("/no/such/folder/x.log", {}, lost);
  file.write("one\n");
}

TEST(process_log, each_line_for_the_journal_has_its_priority) {
  EXPECT_EQ(journal_lines(log_level::info, "one"), "<6>one\n");
  EXPECT_EQ(journal_lines(log_level::error, "one\ntwo"), "<3>one\n<3>two\n");
  EXPECT_EQ(journal_lines(log_level::warn, ""), "<4>\n");
}

}  // namespace sm
