#include "process/system_call_filter.hpp"

#include <gtest/gtest.h>

#include "process/system_call_groups.hpp"

namespace sm {
namespace {

using items = std::vector<std::string>;

bool allows(const items& filter, const std::string& call) {
  return allowed_system_calls(filter).value().contains(call);
}

}  // namespace

TEST(system_call_filter, allows_what_is_named_or_all_else) {
  EXPECT_TRUE(allows({"read", "write"}, "read"));
  EXPECT_FALSE(allows({"read", "write"}, "openat"));
  EXPECT_TRUE(allows({"read"}, "execve")) << "no program begins without";
  EXPECT_FALSE(allows({"~@mount", "~reboot"}, "mount"));
  EXPECT_FALSE(allows({"~@mount", "~reboot"}, "reboot"));
  EXPECT_TRUE(allows({"~@mount", "~reboot"}, "openat"));
  items in_order{"@system-service", "~@privileged", "~@resources", "chown"};
  EXPECT_FALSE(allows(in_order, "setuid"));
  EXPECT_FALSE(allows(in_order, "nice"));
  EXPECT_TRUE(allows(in_order, "chown")) << "given back";
}

TEST(system_call_filter, a_service_has_no_business_with_the_machine) {
  items filter{"@system-service"};
  for (auto* call : {"read", "openat", "socket", "clone3", "epoll_wait", "fchownat", "setuid"})
    EXPECT_TRUE(allows(filter, call)) << call;
  for (auto* call : {"ptrace", "mount", "init_module", "reboot", "swapon", "settimeofday", "bpf"})
    EXPECT_FALSE(allows(filter, call)) << call;
  EXPECT_TRUE(allows({"@system-service", "ptrace"}, "ptrace")) << "beside the group";
}

TEST(system_call_filter, every_group_has_calls_of_this_machine) {
  for (auto& group : system_call_groups()) {
    auto without = allowed_system_calls(items{"~" + group});
    ASSERT_TRUE(without) << group;
    EXPECT_LT(without->size(), allowed_system_calls(items{"~reboot"})->size() + 1) << group;
  }
}

TEST(system_call_filter, what_is_none_is_named) {
  for (auto& wrong : {"nothing", "@nothing", "", "Read"}) {
    auto read = allowed_system_calls(items{wrong});
    ASSERT_FALSE(read) << wrong;
    EXPECT_NE(read.error().detail.find("'" + std::string(wrong) + "'"), std::string::npos);
  }
  EXPECT_NE(allowed_system_calls(items{"@x"}).error().detail.find("@system-service"),
            std::string::npos);
  EXPECT_TRUE(allowed_system_calls(items{"vm86"})) << "of another machine";
}

TEST(system_call_filter, has_the_kernels_form) {
  EXPECT_TRUE(compile_system_call_filter(items{}).value().empty());
  auto code = compile_system_call_filter(items{"@system-service"}).value();
  EXPECT_GT(code.size(), 10U);
  EXPECT_LE(code.size(), 4096U) << "BPF_MAXINSNS";
}

}  // namespace sm
