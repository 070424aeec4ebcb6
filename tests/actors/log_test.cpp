// The logs of services: over HTTP, rotated, removed, on a full disk.
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class log_fixture : public supervision_fixture {
 protected:
  void add_shell(const std::string& name, const std::string& script, json extra = json::object()) {
    json document{{"name", name}, {"command", {"sh", "-c", script}}};
    document.update(extra);
    EXPECT_EQ(add(document).status, 201);
    EXPECT_TRUE(reaches(name, "RUNNING"));
  }
  std::string logs(const std::string& name, const std::string& query = "") {
    return app.api("GET", "/v1/services/" + name + "/logs" + query).body;
  }
};

}  // namespace

TEST_F(log_fixture, the_last_lines_are_shown_by_stream_number_and_time) {
  add_shell("p", "echo one; echo two >&2; echo three; exec sleep 1000");
  ASSERT_TRUE(eventually([&] { return logs("p").find("stdout three") != std::string::npos; }));
  EXPECT_TRUE(eventually([&] {  // a pipe of its own
    return logs("p", "?stream=stderr").find("p:0 stderr two\n") != std::string::npos;
  }));
  EXPECT_EQ(logs("p", "?stream=stderr").find("one"), std::string::npos);
  EXPECT_NE(logs("p", "?stream=stdout&lines=1").find("three"), std::string::npos);
  EXPECT_EQ(logs("p", "?stream=stdout&lines=1").find("one"), std::string::npos);
  EXPECT_EQ(logs("p", "?stream=stdout&since=1h"), logs("p", "?stream=stdout"));
  EXPECT_EQ(json::parse(logs("p", "?stream=stdout&lines=1&format=json"))["msg"], "three");
  EXPECT_NE(logs("a").find("a:0 info constructed"), std::string::npos);
  EXPECT_NE(logs("a:0").find("constructed"), std::string::npos);
  for (auto* bad : {"?lines=x", "?stream=x", "?format=x", "?since=x"})
    EXPECT_EQ(app.api("GET", std::string("/v1/services/p/logs") + bad).status, 422) << bad;
  EXPECT_EQ(app.api("GET", "/v1/services/zzz/logs").status, 404);
  EXPECT_EQ(app.api("GET", "/v1/services/a:7/logs").status, 404);
}

TEST_F(log_fixture, instances_are_shown_together_in_the_order_of_time) {
  EXPECT_EQ(verb("a", "scale", R"({"instances": 2})")["instances"]["ready"], 2);
  auto text = logs("a");
  EXPECT_LT(text.find("a:0 info constructed"), text.find("a:1 info constructed"));
}

TEST_F(log_fixture, following_shows_each_new_line_once_over_rotations) {
  add_shell("p",
            "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); sleep 0.003; done; echo end; "
            "exec sleep 1000",
            {{"log", {{"max_size", 4096}, {"keep", 9}}}});
  http_connection c((app.state() / "sm.sock").string());
  c.send("GET /v1/services/p/logs?follow=1&lines=10000&stream=stdout HTTP/1.1\r\nHost: x\r\n\r\n");
  auto text = c.receive_until("stdout end\n");
  EXPECT_NE(text.find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(app.state() / "log" / "p:0.log.1")) << "it was rotated";
  std::size_t at = 0;
  for (int i = 0; i < 300; ++i) {
    auto line = "stdout line " + std::to_string(i) + "\n";
    at = text.find(line, at);
    ASSERT_NE(at, std::string::npos) << line;
    EXPECT_EQ(text.find(line, at + 1), std::string::npos) << "twice: " << line;
  }
}

TEST_F(log_fixture, who_follows_goes_on_where_he_was_when_the_manager_was_away) {
  add_shell("p", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done");
  auto follow = [&](const std::string& last) {
    http_connection c((app.state() / "sm.sock").string());
    c.send("GET /v1/services/p/logs?follow=1&stream=stdout HTTP/1.1\r\nHost: x\r\n" +
           (last.empty() ? "" : "Last-Event-ID: " + last + "\r\n") + "\r\n");
    // An id stands alone, or with the last one of those that come together.
    std::string text;
    do {
      text += c.receive_until("id: ");
      text += c.receive_until("\n\n");
    } while (text.rfind("stdout line ") == text.npos ||
             text.rfind("stdout line ") < text.rfind("id: "));
    return text;
  };
  auto number_after = [](const std::string& text, std::size_t at) {
    return std::stoi(text.substr(text.find("stdout line ", at) + 12));
  };
  auto text = follow("");
  auto id = text.rfind("id: ");
  auto last = text.substr(id + 4, text.find('\n', id) - id - 4);
  auto seen = number_after(text, text.rfind("stdout line "));
  app.signal(SIGKILL);
  app.wait();
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto more = follow(last);
  EXPECT_EQ(number_after(more, 0), seen + 1) << more;
  // What is wanted may come behind much that is not.
  add_shell("q",
            "until [ -e " + (app.state() / "go").string() +
                " ]; do sleep 0.01; done; head -c 2000000 /dev/zero | tr '\\0' 'x' | fold -w 999; "
                "echo here >&2; exec sleep 1000");
  http_connection c((app.state() / "sm.sock").string());
  c.send("GET /v1/services/q/logs?follow=1&stream=stderr HTTP/1.1\r\nHost: x\r\n\r\n");
  c.receive_until("\n\n");  // its place, before there is a line
  std::ofstream(app.state() / "go") << "\n";
  EXPECT_NE(c.receive_until("stderr here\n"), "");
  for (auto* odd : {"5", "p:0.log=1", "p:0.log=-1:0"})
    EXPECT_EQ(http_connection((app.state() / "sm.sock").string())
                  .request("GET", "/v1/services/p/logs?follow=1", {}, {{"Last-Event-ID", odd}})
                  .status,
              422)
        << odd;
}

TEST_F(log_fixture, a_full_disk_stops_no_service_and_what_was_lost_is_said) {
  auto file = app.state() / "log" / "p:0.log";
  std::filesystem::create_symlink("/dev/full", file);
  add_shell("p", "while :; do echo beat; sleep 0.01; done");
  auto pid = app.instance_pid("p");
  EXPECT_EQ(call("p", "status")["result"]["pid"], pid);
  std::filesystem::remove(file);
  ASSERT_TRUE(eventually([&] {
    return text_of(file).find("lines were dropped: No space left on device") != std::string::npos;
  }));
  EXPECT_NE(text_of(file).find("beat"), std::string::npos);
  EXPECT_EQ(app.instance_pid("p"), pid);
}

TEST_F(log_fixture, what_a_type_prints_is_rotated_and_its_file_opened_again) {
  ASSERT_EQ(add(tool_named("t", {{"printing", true}}, {{"log", {{"max_size", 4096}, {"keep", 2}}}}))
                .status,
            201);
  ASSERT_TRUE(reaches("t", "RUNNING"));
  auto file = app.state() / "log" / "t:0.out";
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file.string() + ".1"); }));
  std::filesystem::remove(file);
  ASSERT_TRUE(eventually([&] { return text_of(file).find("print") != std::string::npos; }));
  EXPECT_NE(logs("t", "?stream=stdout&lines=3").find("print"), std::string::npos);
  EXPECT_EQ(app.api("GET", "/v1/services/t/logs?stream=stdout&since=5m").status, 422);
}

TEST_F(log_fixture, a_line_that_a_type_printed_is_there_though_it_is_killed_at_once) {
  ASSERT_EQ(add(tool_named("t")).status, 201);
  ASSERT_TRUE(reaches("t", "RUNNING"));
  call("t", "print_and_die", "last words");
  EXPECT_TRUE(eventually([&] {
    return text_of(app.state() / "log" / "t:0.out").find("last words\n") != std::string::npos;
  }));
}

TEST_F(log_fixture, a_burst_after_a_long_silence_leaves_no_more_than_was_promised) {
  ASSERT_EQ(
      add(tool_named("t", json::object(), {{"log", {{"max_size", 65536}, {"keep", 1}}}})).status,
      201);
  ASSERT_TRUE(reaches("t", "RUNNING"));
  call("t", "print_megabytes", 30, "?timeout=10s");
  auto file = (app.state() / "log" / "t:0.out").string();
  EXPECT_TRUE(eventually([&] {
    std::error_code ec;
    auto older = std::filesystem::file_size(file + ".1", ec);
    return !ec && older <= 65536 && std::filesystem::file_size(file, ec) <= 65536;
  }));
}

}  // namespace sm::test
