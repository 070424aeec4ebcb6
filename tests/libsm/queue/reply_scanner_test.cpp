#include "queue/redis/reply_scanner.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

/// What a scanner says of these bytes, given whole or one by one.
std::string verdict(const std::string& bytes, bool one_by_one, std::size_t* whole = nullptr) {
  reply_scanner s({.line = 100, .bytes = 1'000, .elements = 50, .depth = 3});
  std::string why;
  for (std::size_t at = 0; at < bytes.size() && why.empty();) {
    auto n = one_by_one ? 1 : bytes.size();
    why = s.take(std::string_view(bytes).substr(at, n));
    at += n;
  }
  if (whole) *whole = s.whole();
  return why;
}

}  // namespace

TEST(reply_scanner, replies_are_counted_however_they_come) {
  for (auto& [bytes, count] : {std::pair{std::string("+OK\r\n"), 1U},
                               {"-ERR no\r\n", 1U},
                               {":-12\r\n", 1U},
                               {"$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n", 4U},
                               {"$5\r\n*\r\n+x\r\n", 1U},
                               {"*2\r\n*2\r\n:1\r\n$1\r\nx\r\n*0\r\n+last\r\n", 2U},
                               {"*3\r\n$1\r\na\r\n:1\r\n", 0U},
                               {"$4\r\nabc", 0U},
                               {"+O", 0U}})
    for (bool one_by_one : {false, true}) {
      std::size_t whole = 99;
      EXPECT_EQ(verdict(bytes, one_by_one, &whole), "") << bytes;
      EXPECT_EQ(whole, count) << bytes;
    }
}

TEST(reply_scanner, what_goes_beyond_its_bounds_is_refused_at_its_header) {
  for (auto& [bytes, why] : {std::pair{std::string(200, 'x'), "a line"},
                             {"+" + std::string(200, 'x'), "a line"},
                             {"$8589934592\r\n", "bytes"},
                             {"$1001\r\n", "bytes"},
                             {"*2\r\n$600\r\n" + std::string(600, 'x') + "\r\n$600\r\n", "bytes"},
                             {"*2147483648\r\n", "elements"},
                             {"*51\r\n", "elements"},
                             {"*2\r\n*40\r\n", ""},
                             {"*20\r\n*40\r\n", "elements"},
                             {"*1\r\n*1\r\n*1\r\n*1\r\n", "nested"},
                             {"*99999999999999999999\r\n", "protocol"},
                             {"*-2\r\n", "protocol"},
                             {"$x\r\n", "protocol"},
                             {"$+5\r\n", "protocol"},
                             {":1.5\r\n", "protocol"},
                             {"HTTP/1.1 200 OK\r\n", "protocol"},
                             {"+OK\n", "protocol"},
                             {"\r\n", "protocol"}})
    for (bool one_by_one : {false, true}) {
      auto said = verdict(bytes, one_by_one);
      EXPECT_NE(said.find(why), std::string::npos) << bytes.substr(0, 30) << ": " << said;
      EXPECT_EQ(said.empty(), std::string_view(why).empty()) << bytes.substr(0, 30);
    }
}

TEST(reply_scanner, bounds_are_of_one_reply) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += "$600\r\n" + std::string(600, 'x') + "\r\n";
  std::size_t whole = 0;
  EXPECT_EQ(verdict(bytes, false, &whole), "");
  EXPECT_EQ(whole, 100U);
}

}  // namespace sm
