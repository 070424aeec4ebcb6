#include "log/removed_logs.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

std::size_t files_below(const fs::path& folder) {
  std::size_t count = 0;
  for (auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file();
  return count;
}

std::size_t removals_in(const fs::path& log_folder) {
  std::error_code none;
  return static_cast<std::size_t>(std::distance(
      fs::directory_iterator(log_folder / "removed", none), fs::directory_iterator()));
}

const auto noon = std::chrono::system_clock::time_point(1'764'331'200s);

}  // namespace

TEST(removed_logs, a_log_belongs_to_its_instance_and_nothing_else_to_anybody) {
  for (auto [file, owner] : {std::pair{"web:0.log", "web:0"},
                             {"web:12.out", "web:12"},
                             {"a.b-c:3.log.4", "a.b-c:3"},
                             {"manager.log", ""},
                             {"manager.log.1", ""},
                             {"web:0.txt", ""},
                             {"web:.log", ""},
                             {"web:x.log", ""},
                             {"web:0", ""},
                             {".log", ""},
                             {"", ""}})
    EXPECT_EQ(owner_of_log(file), owner) << file;
  EXPECT_EQ(service_of_instance("a.b:7"), "a.b");
  EXPECT_EQ(service_of_instance("a.b"), "");
}

TEST(removed_logs, are_set_aside_whole_and_a_service_of_the_name_begins_with_none) {
  test::temporary_folder t;
  for (auto name : {"web:0.log", "web:0.log.1", "web:1.out"}) write(t.path() / name, "old\n");
  write(t.path() / "web:1.log", "");
  write(t.path() / "webby:0.log", "other\n");
  write(t.path() / "manager.log", "manager\n");
  EXPECT_EQ(services_with_logs(t.path()), (std::set<std::string>{"web", "webby"}));
  set_logs_aside(t.path(), "web", noon);
  EXPECT_EQ(services_with_logs(t.path()), (std::set<std::string>{"webby"}));
  EXPECT_EQ(files_below(t.path() / "removed"), 3U);
  // The same name again, in the same instant.
  write(t.path() / "web:0.log", "new\n");
  set_logs_aside(t.path(), "web", noon);
  EXPECT_EQ(removals_in(t.path()), 2U);
  EXPECT_EQ(files_below(t.path() / "removed"), 4U);
  EXPECT_TRUE(fs::exists(t.path() / "manager.log"));
}

TEST(removed_logs, go_after_their_time_whichever_manager_looks) {
  test::temporary_folder t;
  write(t.path() / "a:0.log", "a\n");
  set_logs_aside(t.path(), "a", noon);
  write(t.path() / "b:0.log", "b\n");
  set_logs_aside(t.path(), "b", noon + 10min);
  EXPECT_EQ(drop_removed_logs(t.path(), 1h, noon + 20min), 40min);
  EXPECT_EQ(removals_in(t.path()), 2U);
  EXPECT_EQ(drop_removed_logs(t.path(), 1h, noon + 1h), 10min);
  EXPECT_EQ(removals_in(t.path()), 1U);
  EXPECT_EQ(drop_removed_logs(t.path(), 1h, noon + 2h), std::nullopt);
  EXPECT_EQ(files_below(t.path()), 0U);
  EXPECT_FALSE(fs::exists(t.path() / "removed"));
}

TEST(removed_logs, a_time_that_lies_ahead_counts_as_now) {
  test::temporary_folder t;
  write(t.path() / "a:0.log", "a\n");
  set_logs_aside(t.path(), "a", noon + 24h * 365);  // then the clock was set back
  EXPECT_EQ(drop_removed_logs(t.path(), 1h, noon), 1h);
  EXPECT_EQ(drop_removed_logs(t.path(), 1h, noon + 1h), std::nullopt);
  EXPECT_EQ(removals_in(t.path()), 0U);
}

TEST(removed_logs, are_bounded_in_number) {
  test::temporary_folder t;
  for (std::size_t i = 0; i < removals_kept + 20; ++i) {
    auto name = "s" + std::to_string(i);
    write(t.path() / (name + ":0.log"), "line\n");
    set_logs_aside(t.path(), name, noon + std::chrono::seconds(i));
  }
  EXPECT_EQ(drop_removed_logs(t.path(), 24h, noon + 10min), 24h - 10min + 20s);
  EXPECT_EQ(removals_in(t.path()), removals_kept);
  EXPECT_EQ(drop_removed_logs(t.path(), 0h, noon + 10min), std::nullopt);
}

}  // namespace sm
