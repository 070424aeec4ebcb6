#include "process/descriptor_reserve.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace sm {

TEST(descriptor_reserve, lends_what_it_holds_and_keeps_what_it_shall) {
  descriptor_reserve reserve(4);
  EXPECT_FALSE(reserve.lend(5));
  EXPECT_TRUE(reserve.lend(2, 2));
  EXPECT_FALSE(reserve.lend(1, 2));
  reserve.refill();
  EXPECT_TRUE(reserve.lend(4));
}

TEST(descriptor_reserve, at_the_limit_what_is_lent_can_be_opened) {
  auto child = ::fork();
  if (child == 0) {
    rlimit limit{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    descriptor_reserve reserve(2);
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
    bool lent = reserve.lend(1) && ::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 &&
                ::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 && descriptor_limit() == 64;
    ::_exit(lent ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace sm
