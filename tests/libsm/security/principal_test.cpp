#include <gtest/gtest.h>

#include <sm/principal.hpp>

namespace sm {

TEST(principal, is_named_by_what_the_connection_tells) {
  using enum principal::origin;
  EXPECT_EQ(to_string(principal{}), "the program");
  EXPECT_EQ(to_string(principal{.from = unix_socket, .uid = 1000, .pid = 4711}),
            "uid 1000, pid 4711");
  EXPECT_EQ(to_string(principal{.from = unix_socket, .uid = 1000}), "uid 1000");
  EXPECT_EQ(to_string(principal{.from = tcp, .address = "127.0.0.1:51820"}), "127.0.0.1:51820");
  EXPECT_EQ(
      to_string(principal{.from = tcp, .address = "127.0.0.1:51820", .certificate = "ci.example"}),
      "certificate ci.example, 127.0.0.1:51820");
}

}  // namespace sm
