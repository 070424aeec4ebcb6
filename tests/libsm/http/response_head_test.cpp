#include "http/response_head.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

std::string head_of(const response& r, const head_form& form = {}) {
  std::string out;
  (void)append_response_head(out, r, form);
  return out;
}

bool has(const std::string& head, const std::string& text) { return head.find(text) != head.npos; }

class stream : public response_stream {
 public:
  bool pull(std::string&, std::size_t) override { return false; }
};

}  // namespace

TEST(response_head, the_reason_phrase_is_that_of_the_status) {
  EXPECT_TRUE(head_of({.status = 413}).starts_with("HTTP/1.1 413 Content Too Large\r\nDate: "));
  EXPECT_TRUE(head_of({.status = 299}).starts_with("HTTP/1.1 299 \r\n"));
  EXPECT_TRUE(head_of({.status = 404, .stream = std::make_shared<stream>()})
                  .starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
  EXPECT_EQ(reason_phrase(0), "");
}

TEST(response_head, a_field_made_of_foreign_text_adds_no_field) {
  for (auto* value : {"x\r\nSet-Cookie: a=b", "x\ny", "x\ry", "x\x01y", "x\x7Fy"})
    for (bool streams : {false, true}) {
      response r{.headers = {{"X-Given", value}, {"X-Other", "stays"}}};
      if (streams) r.stream = std::make_shared<stream>();
      std::string out;
      EXPECT_EQ(append_response_head(out, r, {}), "X-Given");
      EXPECT_FALSE(has(out, "X-Given") || has(out, "Set-Cookie")) << out;
      EXPECT_TRUE(has(out, "\r\nX-Other: stays\r\n"));
    }
  EXPECT_FALSE(has(head_of({.content_type = "a\r\nb: c"}), "b: c"));
  EXPECT_FALSE(has(head_of({.headers = {{"a b", "c"}}}), "a b"));
  EXPECT_FALSE(has(head_of({.headers = {{"", "c"}}}), ": c"));
}

TEST(response_head, a_handler_does_not_frame_the_answer) {
  auto head = head_of(
      {.body = "abc",
       .headers = {
           {"content-length", "1"}, {"Transfer-Encoding", "chunked"}, {"Connection", "upgrade"}}});
  EXPECT_TRUE(has(head, "\r\nContent-Length: 3\r\n"));
  EXPECT_FALSE(has(head, "content-length") || has(head, "chunked") || has(head, "upgrade"));
}

TEST(response_head, an_answer_without_content_ends_with_its_head) {
  EXPECT_FALSE(has(head_of({.status = 204, .body = "x"}), "Content-Length"));
  EXPECT_FALSE(has(head_of({.status = 304}), "Content-Length"));
  EXPECT_TRUE(has(head_of({.status = 205, .body = "x"}), "\r\nContent-Length: 0\r\n"));
}

TEST(response_head, one_content_type_is_sent) {
  auto head = head_of({.headers = {{"content-type", "image/png"}}});
  EXPECT_TRUE(has(head, "image/png"));
  EXPECT_FALSE(has(head, "application/json"));
}

TEST(response_head, proxies_neither_keep_nor_hold_back_a_stream) {
  auto head = head_of({.stream = std::make_shared<stream>()});
  EXPECT_TRUE(has(head, "\r\nX-Accel-Buffering: no\r\n"));
  EXPECT_TRUE(has(head, "\r\nCache-Control: no-store\r\n"));
  EXPECT_FALSE(has(head, "Content-Length"));
}

TEST(response_head, the_connection_is_named_where_the_version_does_not_say_it) {
  EXPECT_FALSE(has(head_of({}), "Connection"));
  EXPECT_TRUE(has(head_of({}, {.close = true, .tell_keep_alive = true}), "Connection: close\r\n"));
  EXPECT_TRUE(has(head_of({}, {.tell_keep_alive = true}), "Connection: keep-alive\r\n"));
}

}  // namespace sm
