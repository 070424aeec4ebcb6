#include "process/capabilities.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sm {
namespace {

using names = std::vector<std::string>;

constexpr std::uint64_t all = ~std::uint64_t{0};

}  // namespace

TEST(capabilities, are_bits_by_their_numbers) {
  EXPECT_EQ(parse_capabilities(names{}).value(), all);
  EXPECT_EQ(parse_capabilities(names{"none"}).value(), 0U);
  EXPECT_EQ(parse_capabilities(names{"CAP_CHOWN", "cap_net_bind_service"}).value(), 0x401U);
  EXPECT_EQ(parse_capabilities(names{"CAP_CHECKPOINT_RESTORE"}).value(), std::uint64_t{1} << 40);
  EXPECT_EQ(parse_capabilities(names{"~CAP_SYS_ADMIN", "~CAP_SYS_PTRACE", "~CAP_BPF"}).value(),
            all & ~(std::uint64_t{1} << 21 | std::uint64_t{1} << 19 | std::uint64_t{1} << 39));
}

TEST(capabilities, what_is_none_is_named) {
  for (auto& wrong : {"CHOWN", "CAP_NOTHING", "", "CAP_", "~"}) {
    auto read = parse_capabilities(names{wrong});
    ASSERT_FALSE(read) << wrong;
    EXPECT_NE(read.error().detail.find("'" + std::string(wrong) + "'"), std::string::npos);
  }
  EXPECT_EQ(parse_capabilities(names{"CAP_CHOWN", "CAP_KILL", "~CAP_CHOWN"}).value(), 1U << 5);
  EXPECT_FALSE(parse_capabilities(names{"CAP_CHOWN", "none"}));
}

}  // namespace sm
