#include "process/proc_stat.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace sm {
namespace {

const std::string tail =
    " S 10 11 12 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 7 0 98765 1000000 300 18446744073709551615 1 "
    "1 "
    "0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 9\n";

}  // namespace

TEST(proc_stat, fields_are_those_of_proc_5_whatever_the_name_holds) {
  for (std::string name : {"sleep", "a) R 1 2 3", "((", ") ", ""}) {
    auto s = parse_proc_stat(42, "42 (" + name + ")" + tail);
    ASSERT_TRUE(s) << name;
    EXPECT_EQ(s->pid, 42);
    EXPECT_EQ(s->state, 'S');
    EXPECT_EQ(s->parent, 10);
    EXPECT_EQ(s->group, 11);
    EXPECT_EQ(s->session, 12);
    EXPECT_DOUBLE_EQ(s->cpu_seconds, 300.0 / static_cast<double>(::sysconf(_SC_CLK_TCK)));
    EXPECT_EQ(s->threads, 7U);
    EXPECT_EQ(s->start_time, 98765U);
    EXPECT_EQ(s->memory_bytes, 300U * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    EXPECT_EQ(s->wait_status, 9);
  }
}

TEST(proc_stat, what_is_cut_or_no_such_text_is_none) {
  EXPECT_TRUE(parse_proc_stat(42, "42 (x)" + tail.substr(0, tail.find(" 1844"))))
      << "an old kernel";
  EXPECT_FALSE(parse_proc_stat(42, "42 (x)" + tail.substr(0, tail.find(" 98765"))));
  for (std::string_view text :
       {"", "42", "42 (x", "42 (x)", "42 (x) ", "42 (x) S", "42 (x) S a 1 1"})
    EXPECT_FALSE(parse_proc_stat(42, text)) << text;
}

TEST(proc_stat, of_this_process_and_of_none) {
  auto own = read_proc_stat(::getpid());
  ASSERT_TRUE(own);
  EXPECT_EQ(own->parent, ::getppid());
  EXPECT_GT(own->memory_bytes, 0U);
  EXPECT_FALSE(read_proc_stat(-1));
}

}  // namespace sm
