#include "service/masking.hpp"

#include <gtest/gtest.h>

#include "schema/secret_names.hpp"

namespace sm {

TEST(masking, values_of_the_environment_are_not_shown) {
  json document{{"name", "a"}, {"env", {{"KEY", "hunter2"}, {"EMPTY", ""}}}};
  mask_secrets(document);
  EXPECT_EQ(document["env"], (json{{"KEY", masked_value}, {"EMPTY", masked_value}}));
  json without{{"name", "a"}};
  mask_secrets(without);
  EXPECT_EQ(without, (json{{"name", "a"}}));
}

TEST(masking, parameters_that_are_secrets_by_their_names_are_not_shown_at_any_depth) {
  json document{{"params",
                 {{"data", 1},
                  {"password", "hunter2"},
                  {"smtp", {{"host", "mail"}, {"apiKey", 7}}},
                  {"peers", {{{"auth-token", "a"}, {"port", 1}}}},
                  {"credentials", {{"user", "root"}}}}}};
  mask_secrets(document);
  EXPECT_EQ(document["params"], (json{{"data", 1},
                                      {"password", masked_value},
                                      {"smtp", {{"host", "mail"}, {"apiKey", masked_value}}},
                                      {"peers", {{{"auth-token", masked_value}, {"port", 1}}}},
                                      {"credentials", masked_value}}));
}

TEST(masking, parameters_that_are_named_as_secrets_are_not_shown) {
  json document{{"params", {{"dsn", "postgres://u:pw@db"}, {"data", 1}}},
                {"secret_params", {"dsn"}}};
  mask_secrets(document);
  EXPECT_EQ(document["params"], (json{{"dsn", masked_value}, {"data", 1}}));
  json hostile{{"params", {{"dsn", 1}}}, {"secret_params", {1, nullptr}}};
  mask_secrets(hostile);
  EXPECT_EQ(hostile["params"]["dsn"], 1);
}

TEST(masking, a_name_that_only_resembles_a_secret_is_shown) {
  for (auto* name : {"password", "DB_PASSWORD", "passphrase", "client_secret", "token", "authToken",
                     "api_key", "API-KEY", "private_key"})
    EXPECT_TRUE(is_secret_name(name)) << name;
  for (auto* name : {"", "max_tokens", "token_limit", "partition_key", "key", "pass", "data"})
    EXPECT_FALSE(is_secret_name(name)) << name;
}

TEST(masking, what_was_shown_and_is_sent_back_means_the_value_that_is_there) {
  service_spec present;
  present.env = {{"KEY", "hunter2"}};
  json change{{"env", {{"KEY", masked_value}, {"NEW", "value"}}}};
  ASSERT_TRUE(unmask_secrets(change, &present));
  EXPECT_EQ(change["env"], (json{{"KEY", "hunter2"}, {"NEW", "value"}}));
  json unknown{{"env", {{"OTHER", masked_value}}}};
  EXPECT_EQ(unmask_secrets(unknown, &present).error().where, "/env/OTHER");
  EXPECT_FALSE(unmask_secrets(unknown, nullptr));
  for (auto document : {json(7), json(nullptr), json{{"env", 7}}, json{{"env", {{"A", 7}}}}})
    EXPECT_TRUE(unmask_secrets(document, &present));
}

TEST(masking, a_masked_parameter_that_is_sent_back_means_the_value_that_is_there) {
  service_spec present;
  present.params = {{"dsn", "db"}, {"list", {{{"token", "t"}}}}, {"stars", masked_value}};
  present.secret_params = {"dsn"};
  auto shown = to_json(present);
  mask_secrets(shown);
  ASSERT_TRUE(unmask_secrets(shown, &present));
  EXPECT_EQ(shown, to_json(present));
  json unknown{{"params", {{"password", masked_value}}}};
  EXPECT_EQ(unmask_secrets(unknown, &present).error().where, "/params/password");
}

TEST(masking, a_part_of_a_specification_is_masked_as_in_the_whole) {
  EXPECT_EQ(masked_at("/env/KEY", "x", {}), masked_value);
  EXPECT_EQ(masked_at("/params/db/password", "x", {}), masked_value);
  EXPECT_EQ(masked_at("/params/password/deep", "x", {}), masked_value);
  EXPECT_EQ(masked_at("/params/db", {{"password", "x"}, {"port", 1}}, {}),
            (json{{"password", masked_value}, {"port", 1}}));
  EXPECT_EQ(masked_at("/params/dsn", "x", {}), "x");
  EXPECT_EQ(masked_at("/params/dsn", "x", std::vector<std::string>{"dsn"}), masked_value);
  EXPECT_EQ(masked_at("/params/password", nullptr, {}), nullptr);
  EXPECT_EQ(masked_at("/instances", 2, {}), 2);
  EXPECT_EQ(masked_at("", {{"env", {{"A", "x"}}}}, {}), (json{{"env", {{"A", masked_value}}}}));
}

}  // namespace sm
