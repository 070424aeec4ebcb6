#include "service/service_members.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(chosen_members, are_those_of_a_list_by_commas) {
  chosen_members some("ready,pid");
  EXPECT_TRUE(some.has("ready"));
  EXPECT_TRUE(some.has("pid"));
  EXPECT_FALSE(some.has("adapter_pid"));
  EXPECT_FALSE(some.has("type"));
  EXPECT_FALSE(chosen_members(",no,such,").has("type"));
  for (auto& all : {chosen_members(), chosen_members("")}) {
    EXPECT_TRUE(all.has("type"));
    EXPECT_TRUE(all.has("instance_list"));
  }
}

TEST(chosen_members, need_a_look_at_proc_where_they_are_known_from_there) {
  // The build is looked up by the executable that a process runs.
  for (auto* known_there : {"cpu_seconds", "memory_bytes", "build", "outdated", "instance_list"})
    EXPECT_TRUE(chosen_members(known_there).need_usage()) << known_there;
  EXPECT_TRUE(chosen_members().need_usage());
  EXPECT_FALSE(chosen_members("ready,done,reason,instances,pid").need_usage());
}

TEST(chosen_members, of_a_document_leave_its_name_and_its_state) {
  json service{{"name", "a"}, {"state", "FATAL"}, {"ready", false}, {"reason", "set aside"}};
  EXPECT_EQ(chosen_members("reason").of(service),
            (json{{"name", "a"}, {"state", "FATAL"}, {"reason", "set aside"}}));
  EXPECT_EQ(chosen_members().of(service), service);
}

}  // namespace sm
