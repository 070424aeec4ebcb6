#include "gateway/peer_identity.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

const std::vector<role_rule> rules{{"ci.example", false, api_role::operate}};

peer_identity at(principal::origin from) {
  return peer_identity(std::make_shared<const principal>(
      principal{.from = from, .uid = 1000, .role = api_role::viewer}));
}

peer_identity with_certificate() {
  auto who = peer_identity(std::make_shared<const principal>(
      principal{.from = principal::origin::tcp, .address = "127.0.0.1:1"}));
  who.know_certificate({{"x", "ci.example"}, 100, 200}, rules);
  return who;
}

}  // namespace

TEST(peer_identity, of_a_unix_socket_is_the_user) {
  auto who = at(principal::origin::unix_socket);
  auto known = who.known(0);
  EXPECT_FALSE(known.over_tcp);
  EXPECT_EQ(known.role, api_role::viewer);
  EXPECT_EQ(known.name, "uid 1000");
  who.asks({.role = api_role::viewer, .by_peer = true});
  EXPECT_EQ(who.caller()->certificate, "");
}

TEST(peer_identity, a_certificate_counts_while_it_is_good) {
  auto who = with_certificate();
  EXPECT_EQ(who.known(99).role, std::nullopt);
  EXPECT_EQ(who.known(100).role, api_role::operate);
  EXPECT_EQ(who.known(200).name, "ci.example");
  EXPECT_EQ(who.known(201).role, std::nullopt);
  EXPECT_FALSE(who.is_over(300)) << "nothing was asked by it";
  who.asks({.role = api_role::operate, .by_peer = true});
  EXPECT_EQ(to_string(*who.caller()), "certificate ci.example, 127.0.0.1:1");
  EXPECT_EQ(who.caller()->role, api_role::operate);
  EXPECT_FALSE(who.is_over(200));
  EXPECT_TRUE(who.is_over(201));
  who.asks({.role = api_role::admin});
  EXPECT_EQ(to_string(*who.caller()), "127.0.0.1:1") << "by a token";
  EXPECT_FALSE(who.is_over(201));
}

TEST(peer_identity, a_certificate_that_is_forgotten_counts_no_more) {
  auto who = with_certificate();
  who.asks({.role = api_role::operate, .by_peer = true});
  EXPECT_FALSE(who.is_over(150));
  who.forget_certificate();
  EXPECT_TRUE(who.is_over(150));
  EXPECT_EQ(who.known(150).role, std::nullopt);
  EXPECT_EQ(who.known(150).name, "ci.example") << "for who is told why";
}

TEST(peer_identity, a_name_without_a_rule_is_nobody) {
  auto who =
      peer_identity(std::make_shared<const principal>(principal{.from = principal::origin::tcp}));
  who.know_certificate({{"x"}, 0, 1000}, rules);
  EXPECT_EQ(who.known(1).role, std::nullopt);
}

}  // namespace sm
