#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <map>
#include <thread>

#include "http/client/event_reader.hpp"
#include "http/client/http_client.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Serves one Unix socket: for each connection one answer, as it is, and then it hangs up unless
/// told otherwise.
class answering_socket {
 public:
  explicit answering_socket(std::vector<std::string> answers, bool hang_up = true) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    listener_ = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    server_ = std::thread([this, answers = std::move(answers), hang_up] {
      std::vector<unique_fd> open;
      for (auto& answer : answers) {
        open.emplace_back(::accept(listener_.get(), nullptr, nullptr));
        char chunk[4096];
        auto n = ::recv(open.back().get(), chunk, sizeof chunk, 0);
        received_.append(chunk, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        ::send(open.back().get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        if (hang_up) open.clear();
      }
      char byte = 0;
      for (auto& peer : open) ::recv(peer.get(), &byte, 1, 0);
    });
  }
  ~answering_socket() { server_.join(); }

  std::string path() const { return (folder_.path() / "sm.sock").string(); }
  server_address address() const { return {path(), {}, {}}; }
  const std::string& received() const { return received_; }

 private:
  test::temporary_folder folder_;
  unique_fd listener_;
  std::string received_;
  std::thread server_;
};

result<client_reply> ask(const answering_socket& server, std::chrono::milliseconds patience = 5s) {
  http_client client(server.address());
  return client.ask({.target = "/v1/services"}, clock::now() + patience);
}

}  // namespace

TEST(http_client, reads_an_answer_by_its_length_in_chunks_or_to_the_end) {
  for (auto* answer :
       {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello"}) {
    answering_socket server({answer});
    auto reply = ask(server);
    ASSERT_TRUE(reply) << answer << to_string(reply.error());
    EXPECT_EQ(reply->status, 200U);
    EXPECT_EQ(reply->content_type, "text/plain");
    EXPECT_EQ(reply->body, "hello");
  }
}

TEST(http_client, fails_by_its_deadline_when_no_answer_comes) {
  for (auto* answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
    answering_socket server({answer}, false);
    auto begin = clock::now();
    auto reply = ask(server, 100ms);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, errc::timeout);
    EXPECT_LT(clock::now() - begin, 4s);
  }
}

TEST(http_client, tells_who_hangs_up_from_what_is_no_manager_and_from_nobody) {
  {
    answering_socket server({""});
    EXPECT_EQ(ask(server).error().code, errc::unavailable);
  }
  {
    answering_socket server({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"});
    EXPECT_EQ(ask(server).error().code, errc::unavailable);
  }
  {
    answering_socket server({"220 mail.example ESMTP\r\n"});
    EXPECT_EQ(ask(server).error().code, errc::bad_request);
  }
  test::temporary_folder empty;
  http_client client(server_address{empty.path() / "sm.sock", {}, {}});
  EXPECT_EQ(client.ask({.target = "/"}, clock::now() + 1s).error().code, errc::unavailable);
}

TEST(http_client, asks_again_on_a_connection_that_the_peer_closed_meanwhile) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  answering_socket server({answer, answer});
  http_client client(server.address());
  ASSERT_TRUE(client.ask({.target = "/"}, clock::now() + 5s));
  // The peer closes at once; until then the connection is good for a second request.
  auto again = client.ask({.target = "/"}, clock::now() + 5s);
  while (!again && again.error().code == errc::unavailable)
    again = client.ask({.target = "/"}, clock::now() + 5s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, "ok");
}

TEST(http_client, follows_a_stream_until_told_to_end_and_notices_silence) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  std::string seen;
  {
    answering_socket server({head + "data: a\n\ndata: b\n\n"}, false);
    http_client client(server.address());
    auto ended = client.follow({.target = "/v1/events"}, clock::now() + 5s, 5s, [&](auto part) {
      seen += part;
      return seen.find("b") == seen.npos;
    });
    EXPECT_TRUE(ended);
    EXPECT_EQ(seen, "data: a\n\ndata: b\n\n");
  }
  {
    answering_socket server({head}, false);
    http_client client(server.address());
    auto ended = client.follow({.target = "/v1/events"}, clock::now() + 5s, 300ms,
                               [](auto) { return true; });
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, errc::unavailable);
  }
}

TEST(http_client, makes_the_error_of_a_problem_document) {
  auto e = error_in({404, "application/problem+json",
                     R"({"code":"unknown_service","detail":"there is none","where":"web"})"});
  EXPECT_EQ(e, (error{errc::unknown_service, "there is none", "web"}));
  EXPECT_EQ(error_in({404, "text/html", "<h1>nginx</h1>"}).code, errc::bad_request);
  EXPECT_NE(error_in({500, "", R"({"code":"internal","request_id":"r-1"})"}).detail.find("r-1"),
            std::string::npos);
}

TEST(event_reader, makes_events_of_bytes_however_they_come) {
  const std::string text =
      ": hello\n\nevent: service.state\nid: 7\ndata: {\"a\":1}\n\ndata: one\r\ndata: two\r\n\r\n"
      "data\n\nretry: 5\n\n";
  for (std::size_t step : {std::size_t{1}, std::size_t{3}, text.size()}) {
    event_reader reader;
    std::vector<received_event> events;
    for (std::size_t at = 0; at < text.size(); at += step)
      reader.feed(std::string_view(text).substr(at, step), [&](auto& e) {
        events.push_back(e);
        return true;
      });
    ASSERT_EQ(events.size(), 3U) << step;
    EXPECT_EQ(events[0].event, "service.state");
    EXPECT_EQ(events[0].id, "7");
    EXPECT_EQ(events[0].data, "{\"a\":1}");
    EXPECT_EQ(events[1].data, "one\ntwo");
    EXPECT_EQ(events[2].data, "");
  }
}

TEST(server_address, is_read_from_urls_and_paths) {
  auto text = [](const char* given) {
    auto address = parse_server_address(given);
    return address ? address->text() : "refused";
  };
  EXPECT_EQ(text("unix:///run/smd/sm.sock"), "unix:///run/smd/sm.sock");
  EXPECT_EQ(text("unix:run/sm.sock"), "unix://run/sm.sock");
  EXPECT_EQ(text("/run/smd/sm.sock"), "unix:///run/smd/sm.sock");
  EXPECT_EQ(text("http://127.0.0.1:9000"), "http://127.0.0.1:9000");
  EXPECT_EQ(text("http://host.example/"), "http://host.example:9501");
  EXPECT_EQ(text("http://[::1]:80"), "http://[::1]:80");
  EXPECT_EQ(text("http://[::1]"), "http://[::1]:9501");
  for (auto* bad : {"", "http://", "http://h:0", "http://h:x", "http://h:99999", "http://h/path",
                    "http://user@h", "https://h", "ftp://h"})
    EXPECT_EQ(text(bad), "refused") << bad;
  test::temporary_folder folder;
  EXPECT_EQ(parse_server_address(folder.path().string())->socket, folder.path() / "sm.sock");
}

TEST(server_address, of_a_manager_is_found_in_the_folder_then_of_the_user_then_of_the_system) {
  test::temporary_folder home, system;
  std::map<std::string, socket_state> there;
  auto make = [&](const std::filesystem::path& folder, socket_state state) {
    std::filesystem::create_directories(folder);
    there[folder.string()] = state;
  };
  search_surroundings where{.here = "/home/ann/shop/src",
                            .around = {.home = home.path().string()},
                            .system = system.path(),
                            .look = [&](auto& folder) {
                              auto entry = there.find(folder.string());
                              return entry == there.end() ? socket_state::none : entry->second;
                            }};
  auto own = home.path() / ".local/state/sm";
  EXPECT_EQ(find_manager(where).error().code, errc::unavailable);
  make(system.path() / "smd", socket_state::forbidden);
  EXPECT_EQ(find_manager(where).error().code, errc::forbidden);
  make(system.path() / "smd", socket_state::serves);
  EXPECT_EQ(find_manager(where)->socket, system.path() / "smd/sm.sock");
  make(own / "mine", socket_state::serves);
  EXPECT_EQ(find_manager(where)->socket, own / "mine/sm.sock");
  make(own / "other", socket_state::dead);
  EXPECT_EQ(find_manager(where)->socket, own / "mine/sm.sock");
  make(own / "other", socket_state::serves);
  EXPECT_EQ(find_manager(where).error().code, errc::bad_arguments);
  make(own / "smd", socket_state::serves);
  EXPECT_EQ(find_manager(where)->socket, own / "smd/sm.sock");
  there["/home/ann/.sm"] = socket_state::serves;
  EXPECT_EQ(find_manager(where)->socket, "/home/ann/.sm/sm.sock");
  there["/home/ann/shop/.sm"] = socket_state::dead;
  EXPECT_EQ(find_manager(where)->socket, "/home/ann/.sm/sm.sock");
  there["/home/ann/shop/.sm"] = socket_state::serves;
  EXPECT_EQ(find_manager(where)->socket, "/home/ann/shop/.sm/sm.sock");
}

}  // namespace sm
