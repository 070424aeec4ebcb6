#include "queue/redis/redis_waiter.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t connections_max = 64;  // more queues than that are looked at by polling
constexpr auto blocks_for = 5s;              // then the command is sent again
constexpr auto silent_for = 10s;             // then a subscription is asked for a sign of life
constexpr auto poll_pause = 100ms;
constexpr auto reconnect_pause = 250ms;
constexpr auto patience = 2s;
constexpr int messages_max = 1'000;  // read at once: a flood must not keep anybody here

}  // namespace

redis_waiter::redis_waiter(redis_url url, std::string channel)
    : client_(std::move(url), patience),
      channel_(std::move(channel)),
      interrupter_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void redis_waiter::watch(const std::vector<std::string>& queues) {
  watched_ = queues;
  if (clock::now() < connect_after_) return;
  std::erase_if(peeks_, [&](auto& p) {
    return std::find(queues.begin(), queues.end(), p.first) == queues.end();
  });
  check_subscription();
  if (!channel_.empty() && !subscription_) {
    auto c = client_.connect(clock::now() + patience);
    if (c) {
      c->expect_messages();
      c->append(std::vector<std::string_view>{"SUBSCRIBE", channel_});
      if (c->flush(clock::now() + patience)) subscription_.emplace(std::move(*c));
      heard_at_ = clock::now();
      asked_ = false;
    } else {
      connect_after_ = clock::now() + reconnect_pause;
      return;
    }
  }
  for (std::size_t i = 0; i < queues.size() && i < connections_max; ++i) arm(queues[i]);
}

void redis_waiter::arm(const std::string& queue) {
  auto found = peeks_.find(queue);
  if (found == peeks_.end()) {
    if (clock::now() < connect_after_) return;
    auto c = client_.connect(clock::now() + patience);
    if (!c) {
      connect_after_ = clock::now() + reconnect_pause;
      return;
    }
    found = peeks_.emplace(queue, peek{std::move(*c)}).first;
  }
  if (found->second.waiting) return;
  auto key = client_.url().prefix + "queue:" + queue;
  auto seconds = std::to_string(blocks_for.count());
  found->second.connection.append(
      std::vector<std::string_view>{"BLMOVE", key, key, "LEFT", "LEFT", seconds});
  found->second.since = clock::now();
  if (found->second.connection.flush(clock::now() + patience))
    found->second.waiting = true;
  else
    peeks_.erase(found);
}

void redis_waiter::check_subscription() {
  if (!subscription_) return;
  auto silence = clock::now() - heard_at_;
  if (silence < silent_for || (asked_ && silence < silent_for + patience)) return;
  if (!asked_) {
    asked_ = true;
    heard_at_ = clock::now() - silent_for;  // however long nobody listened
    subscription_->append(std::vector<std::string_view>{"PING"});
    if (subscription_->flush(clock::now() + patience)) return;
  }
  subscription_.reset();
}

void redis_waiter::wait(std::chrono::milliseconds timeout) {
  std::vector<pollfd> watched{{interrupter_.get(), POLLIN, 0}};
  if (subscription_) watched.push_back({subscription_->fd(), POLLIN, 0});
  for (auto& [queue, p] : peeks_) watched.push_back({p.connection.fd(), POLLIN, 0});
  // What has no connection is looked at more often.
  if (peeks_.size() < watched_.size())
    timeout = std::min<std::chrono::milliseconds>(timeout, poll_pause);
  ::poll(watched.data(), watched.size(), static_cast<int>(timeout.count()));
  std::uint64_t drop = 0;
  [[maybe_unused]] auto n = ::read(interrupter_.get(), &drop, sizeof drop);
  if (subscription_) {
    auto message = subscription_->try_read();
    for (int heard = 1; message && *message && heard < messages_max; ++heard) {
      heard_at_ = clock::now();
      asked_ = false;
      message = subscription_->try_read();
    }
    if (!message) subscription_.reset();
  }
  for (auto entry = peeks_.begin(); entry != peeks_.end();) {
    auto& p = entry->second;
    // Also of one that waits for nothing: its end must be seen, or poll returns at once for ever.
    auto reply = p.connection.try_read();
    if (reply && *reply) p.waiting = false;
    bool refused = reply && *reply && (*reply)->type == REDIS_REPLY_ERROR;
    // The server's own time is over: nobody is there.
    bool silent = p.waiting && clock::now() - p.since > blocks_for + patience;
    bool broken = !reply || refused || silent;
    // A queue that is no list, a full Redis, one that talks nonsense: not asked again at once.
    if (refused || !reply) connect_after_ = clock::now() + reconnect_pause;
    entry = broken ? peeks_.erase(entry) : std::next(entry);
  }
}

void redis_waiter::interrupt() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(interrupter_.get(), &one, sizeof one);
}

}  // namespace sm
