#include "manager/usage_board.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "turning.hpp"

namespace sm {
namespace {

using test::turn_until;

class usage_board_fixture : public ::testing::Test {
 protected:
  bool told() {
    return turn_until(events, [&] { return answers > 0; });
  }
  std::function<void()> note() {
    return [this] { ++answers; };
  }

  loop events;
  worker_thread reader;
  usage_board board{events, reader};
  int answers = 0;
};

}  // namespace

TEST_F(usage_board_fixture, is_read_beside_the_loop_once_for_all_who_ask_within_a_second) {
  board.refresh({::getpid()}, note());
  board.refresh({::getpid()}, note());
  EXPECT_EQ(answers, 0) << "nothing is read in the loop";
  ASSERT_TRUE(told());
  EXPECT_EQ(answers, 2);
  auto first = *board.of(::getpid());
  EXPECT_GT(first.memory_bytes, 0U);
  board.refresh({::getpid()}, note());
  EXPECT_EQ(answers, 3) << "at once";
  EXPECT_EQ(board.of(::getpid())->memory_bytes, first.memory_bytes);
}

TEST_F(usage_board_fixture, what_was_not_read_is_when_it_is_shown) {
  EXPECT_GT(board.of(::getpid())->memory_bytes, 0U);
  board.refresh({}, note());
  ASSERT_TRUE(told());
  EXPECT_GT(board.of(::getpid())->memory_bytes, 0U);
  EXPECT_FALSE(board.of(-1));
}

TEST_F(usage_board_fixture, a_thread_that_is_busy_is_not_waited_for_without_end) {
  std::promise<void> free;
  ASSERT_TRUE(reader.post([busy = free.get_future().share()] { busy.wait(); }));
  board.refresh({::getpid()}, note());
  ASSERT_TRUE(told());
  EXPECT_EQ(answers, 1);
  EXPECT_GT(board.of(::getpid())->memory_bytes, 0U);
  free.set_value();
  ASSERT_TRUE(turn_until(events, [&] {
    board.refresh({::getpid()}, note());
    return answers > 1;
  }));
}

TEST_F(usage_board_fixture, without_a_thread_listings_are_made_nevertheless) {
  reader.stop();
  board.refresh({::getpid()}, note());
  EXPECT_EQ(answers, 1);
}

}  // namespace sm
