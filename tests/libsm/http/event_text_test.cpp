#include "http/event_text.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(event_text, an_event_has_its_fields_and_an_empty_line) {
  std::string out;
  append_event(out, {.id = "7", .event = "service.state", .data = "{}"});
  append_event(out, {.data = "x"});
  EXPECT_EQ(out, "event: service.state\nid: 7\ndata: {}\n\ndata: x\n\n");
}

TEST(event_text, a_line_end_in_a_text_neither_ends_nor_forges_an_event) {
  std::string out;
  append_event(out, {.id = "7\nevent: x", .event = "a\rb", .data = "x\n\ndata: forged\r\n"});
  EXPECT_EQ(out, "event: a\\rb\nid: 7\\nevent: x\ndata: x\\n\\ndata: forged\\r\\n\n\n");
}

TEST(event_text, a_text_becomes_one_line) {
  EXPECT_EQ(one_line(std::string_view("10%\r20%\n\0z", 10)), "10%\\r20%\\n\\0z");
  EXPECT_EQ(one_line(""), "");
}

}  // namespace sm
