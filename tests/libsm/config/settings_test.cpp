#include <gtest/gtest.h>

#include <sm/config.hpp>

namespace sm {

TEST(settings, every_listed_key_reads_back_its_own_value) {
  config defaults;
  for (auto& [key, value] : list_config(defaults)) {
    config c;
    EXPECT_TRUE(set_config_value(c, key, value)) << key << "=" << value;
    EXPECT_EQ(list_config(c), list_config(defaults)) << key;
  }
}

TEST(settings, an_unknown_key_is_answered_with_the_nearest_one) {
  config c;
  auto outcome = set_config_value(c, "http.body_mx", "1");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().where, "http.body_mx");
  EXPECT_NE(outcome.error().detail.find("http.body_max"), std::string::npos);
}

TEST(settings, a_value_that_does_not_fit_names_its_key) {
  config c;
  for (auto [key, value] : {std::pair{"http.body_max", "big"},
                            {"http.body_max", "1 MiB"},
                            {"http.pending_max", "+1"},
                            {"http.pending_max", " 1"},
                            {"http.pending_max", ""},
                            {"http.pending_max", "4294967296"},
                            {"queue.lease", "99999999999999999999s"},
                            {"queue.sync", "ful"},
                            {"manager.cgroups", ""},
                            {"manager.log_level", "loud"},
                            {"trace.sample", "1.01"},
                            {"trace.sample", "nan"},
                            {"trace.sample", "0.5x"},

                            {"http.idle_timeout", "soon"},
                            {"http.insecure", "yes"},
                            {"link.commands_max", "1x"}}) {
    auto outcome = set_config_value(c, key, value);
    ASSERT_FALSE(outcome) << key;
    EXPECT_EQ(outcome.error().where, key);
    EXPECT_EQ(list_config(c), list_config({})) << key << " is as it was";
  }
}

TEST(settings, the_environment_sets_keys_and_other_variables_are_left_alone) {
  config c;
  const char* environment[] = {"SM_HTTP__BODY_MAX=4MiB", "SM_STATE=x", "PATH=/bin",
                               "SM_LINK__COMMAND_TIMEOUT=1500ms", nullptr};
  ASSERT_TRUE(apply_environment(c, environment));
  EXPECT_EQ(c.http.body_max, 4U << 20);
  EXPECT_EQ(c.link.command_timeout, std::chrono::milliseconds(1500));
}

TEST(settings, a_bad_variable_is_named) {
  config c;
  const char* environment[] = {"SM_HTTP__BODY_MAX=lots", nullptr};
  auto outcome = apply_environment(c, environment);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().where, "SM_HTTP__BODY_MAX");
}

}  // namespace sm
