// smctl against what answers like a manager, and is none.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "command.hpp"
#include "system/unique_fd.hpp"

namespace sm::test {
namespace {

/// Answers every request with 200 and one text; of the list of services with another one. One of
/// `version_0` refuses to choose of it, as managers did that knew no such parameter.
class pretender {
 public:
  enum class age { present, version_0 };
  pretender(std::string answer, std::string services, age is = age::present)
      : answer_(std::move(answer)), services_(std::move(services)), age_(is) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    listener_ = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    server_ = std::thread([this] {
      for (;;) {
        unique_fd peer(::accept(listener_.get(), nullptr, nullptr));
        if (!peer) return;
        answer_to(peer.get());
      }
    });
  }
  ~pretender() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    server_.join();
  }
  std::string url() const { return "unix://" + path(); }

 private:
  std::string path() const { return (folder_.path() / "sm.sock").string(); }
  void answer_to(int peer) const {
    std::string request;
    char chunk[4096];
    for (ssize_t n; request.find("\r\n\r\n") == request.npos &&
                    (n = ::recv(peer, chunk, sizeof chunk, 0)) > 0;)
      request.append(chunk, static_cast<std::size_t>(n));
    bool chosen = request.starts_with("GET /v1/services?fields=");
    bool listing = chosen || request.starts_with("GET /v1/services HTTP");
    bool refused = chosen && age_ == age::version_0;
    auto body = refused   ? R"({"code": "bad_arguments", "where": "fields", "detail": "unknown"})"
                : listing ? services_
                          : answer_;
    auto reply = "HTTP/1.1 " + std::string(refused ? "422 Unprocessable" : "200 OK") +
                 "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body;
    ::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  temporary_folder folder_;
  std::string answer_, services_;
  age age_;
  unique_fd listener_;
  std::thread server_;
};

const std::vector<std::vector<std::string>> asking{{"status"},
                                                   {"status", "-o", "json"},
                                                   {"show", "a"},
                                                   {"cat", "a"},
                                                   {"start", "a"},
                                                   {"stop", "a"},
                                                   {"restart", "a"},
                                                   {"reload", "a"},
                                                   {"signal", "HUP", "a"},
                                                   {"scale", "a", "2"},
                                                   {"reset", "a"},
                                                   {"call", "a", "x"},
                                                   {"call", "*", "x"},
                                                   {"wait", "a"},
                                                   {"remove", "a", "--yes"},
                                                   {"add", "b", "--", "x"},
                                                   {"plan"},
                                                   {"apply", "--yes"},
                                                   {"queue", "ls"},
                                                   {"queue", "show", "q"},
                                                   {"queue", "failed"},
                                                   {"queue", "jobs"},
                                                   {"queue", "requeue", "all"},
                                                   {"queue", "push", "T"},
                                                   {"queue", "pause", "q"},
                                                   {"queue", "limit", "q", "--rate", "1"},
                                                   {"queue", "job", "x"},
                                                   {"schedule", "ls"},
                                                   {"schedule", "show", "x"},
                                                   {"schedule", "run", "x"},
                                                   {"daemon", "reexec"},
                                                   {"daemon", "status"},
                                                   {"doctor"}};

/// One clear line, and none of the words of a library.
void expect_told(const command_result& done, const std::string& what) {
  EXPECT_NE(done.code, 0) << what;
  EXPECT_NE(done.err.find("what answers there is no manager"), std::string::npos)
      << what << done.err;
  for (auto* words : {"json.exception", "type must be", "cannot use", "key '", "at()"})
    EXPECT_EQ((done.out + done.err).find(words), std::string::npos) << what << done.err;
}

}  // namespace

// Each answer is a test of its own: every verb is a process.
class smctl_with_pretender : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(
    that_answers, smctl_with_pretender,
    ::testing::Values("[]", "{}", "\"x\"", "null", "", "<html>",
                      R"({"services": 7, "queues": {}, "failed": [], "jobs": "x"})"),
    [](auto& p) { return "answer_" + std::to_string(p.index); });

TEST_P(smctl_with_pretender, tells_one_clear_error_of_every_verb) {
  std::string answer = GetParam();
  pretender manager(answer, answer);
  for (auto& verb : asking) {
    auto words = verb;
    words.insert(words.begin(), {SMCTL, "-s", manager.url(), "--timeout", "5s"});
    expect_told(run_command(words), verb[0] + " " + verb.back() + " <- " + answer + "\n");
  }
}

TEST(smctl_wrong_answers, behind_a_right_listing_are_told_too) {
  const std::string listing =
      R"({"services": [{"name": "a", "state": "RUNNING", "desired": "running", "ready": true,)"
      R"( "instances": {"desired": 1, "running": 1, "ready": 1}}]})";
  for (std::string answer :
       {"[]",
        R"({"name": 5, "state": [], "missing": 1, "changes": [1], "errors": 1, "queues": [0]})"}) {
    pretender manager(answer, listing);
    for (auto& verb : asking) {
      auto word = verb[0];
      // All that these ask for is the listing; doctor goes on without the queue, and says so.
      if (word == "status" || word == "wait" || word == "daemon" || word == "doctor") continue;
      auto words = verb;
      words.insert(words.begin(), {SMCTL, "-s", manager.url(), "--timeout", "5s"});
      expect_told(run_command(words), word + " " + verb.back() + " <- " + answer + "\n");
    }
  }
}

TEST(smctl_old_manager, that_cannot_choose_of_the_listing_is_asked_for_all_of_it) {
  pretender manager(
      "{}",
      R"({"services": [{"name": "a", "state": "RUNNING", "group": "g", "ready": true,)"
      R"( "instances": {"desired": 1, "running": 1, "ready": 1}}]})",
      pretender::age::version_0);
  for (std::vector<std::string> verb : {std::vector<std::string>{"status"}, {"wait", "group:g"}}) {
    verb.insert(verb.begin(), {SMCTL, "-s", manager.url(), "--timeout", "5s"});
    auto done = run_command(verb);
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.err, "");
  }
}

TEST(smctl_wrong_answers, rows_of_a_wrong_kind_are_told_with_their_place) {
  pretender manager("{}", R"({"services": [{"name": "a", "state": "RUNNING"}, {"name": "b"}]})");
  auto done = run_command({SMCTL, "-s", manager.url(), "status"});
  EXPECT_EQ(done.code, 2);
  EXPECT_EQ(done.out, "");
  EXPECT_NE(done.err.find("of the answer to services.list /services/1/state is missing"),
            std::string::npos)
      << done.err;
}

}  // namespace sm::test
