// A Redis that says anything. The input's first byte chooses the call, the rest is what the server
// sends on each connection before it hangs up, part by part ('~') as it is asked. An '@' stands for
// what tells that the replies are those to what was asked, which no input can know.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>

#include "queue/redis/redis_job_store.hpp"
#include "system/unique_fd.hpp"
#include "temporary_folder.hpp"

#include "fuzz.hpp"

namespace {

class server {
 public:
  server() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    sm::fuzz::must(
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            ::listen(listener_.get(), 64) == 0,
        "the server listens");
    std::thread([this] { serve(); }).detach();
  }
  std::string path() const { return (folder_.path() / "redis.sock").string(); }

  void say(std::string_view replies) {
    std::lock_guard lock(mutex_);
    replies_ = replies;
  }

 private:
  /// The last word of what was asked is the nonce.
  static std::string with_nonce(std::string replies, std::string_view asked) {
    std::string_view nonce;
    if (auto end = asked.rfind("\r\n"); end != asked.npos && end > 0)
      if (auto begin = asked.rfind("\r\n", end - 1); begin != asked.npos)
        nonce = asked.substr(begin + 2, end - begin - 2);
    auto word = "$" + std::to_string(nonce.size()) + "\r\n" + std::string(nonce) + "\r\n";
    for (auto at = replies.find('@'); at != replies.npos && replies.size() < 1 << 20;
         at = replies.find('@', at + word.size()))
      replies.replace(at, 1, word);
    return replies;
  }

  [[noreturn]] void serve() {
    for (;;) {
      sm::unique_fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string replies;
      {
        std::lock_guard lock(mutex_);
        replies = replies_;
      }
      std::string_view rest = replies;
      while (!rest.empty()) {
        char asked[16 << 10];
        auto size = ::recv(peer.get(), asked, sizeof asked, 0);
        if (size <= 0) break;
        auto part = rest.substr(0, rest.find('~'));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        auto bytes = with_nonce(std::string(part), {asked, static_cast<std::size_t>(size)});
        (void)::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      }
      ::shutdown(peer.get(), SHUT_WR);
      // Who closes with something unread would reset the connection, and take the replies with it.
      char dropped[4096];
      while (::recv(peer.get(), dropped, sizeof dropped, 0) > 0) {
      }
    }
  }

  sm::test::temporary_folder folder_;
  sm::unique_fd listener_;
  std::mutex mutex_;
  std::string replies_;
};

void call(sm::job_store& store, unsigned which) {
  using namespace std::chrono_literals;
  const sm::job_view job{
      .id = "x", .queue = "default", .payload = R"({"class":"A","args":[]})", .record = "r"};
  const sm::new_job fresh{.id = "x", .queue = "default", .payload = job.payload};
  const sm::delivery held{.tag = {1, 0}, .queue = "default", .payload = job.payload};
  switch (which % 20) {
    case 0:
      return void(store.counts());
    case 1:
      return void(store.totals());
    case 2:
      return void(store.jobs(sm::job_state::ready, "", 0, 100));
    case 3:
      return void(store.jobs(sm::job_state::running, "default", 0, 100));
    case 4:
      return void(store.jobs(sm::job_state::delayed, "", 0, 100));
    case 5:
      return void(store.jobs(sm::job_state::dead, "", 0, 100));
    case 6:
      return void(store.find("x"));
    case 7:
      return void(store.dead({.ids = {"x"}}, {}, 100));
    case 8:
      return void(store.exchange({}, {.worker = "h:1:*", .queues = {"*"}, .max = 4}));
    case 9:
      return void(store.enqueue({&fresh, 1}, 1ms));
    case 10:
      return void(store.renew({&held, 1}, 1s));
    case 11:
      return void(store.resync("h:1:*", {&held.tag, 1}));
    case 12:
      return void(store.move_due());
    case 13:
      return void(store.schedules());
    case 14:
      return void(store.fire("s", 1, 2, &fresh));
    case 15:
      return void(store.tidy());
    case 16:
      return void(store.requeue({&job, 1}));
    case 17:
      return void(store.remove({&job, 1}));
    case 18:
      return void(store.warnings());
    default:
      return void(store.status("x"));
  }
}

}  // namespace

SM_FUZZ_TARGET(redis_replies) {
  static server redis;
  auto which = sm::fuzz::take_byte(input);
  redis.say(input.substr(0, 64 << 10));
  sm::queue_config config;
  config.enqueue_timeout = std::chrono::milliseconds{500};
  auto store = sm::open_job_store("redis+unix://" + redis.path(), config);
  sm::fuzz::must(store.has_value(), "the URL is one");
  call(**store, which);
}
