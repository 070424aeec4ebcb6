#include "link/loop.hpp"

#include <caf/io/network/multiplexer.hpp>
#include <filesystem>
#include <set>
#include <sm/guarded.hpp>
#include <stdexcept>

#include "text/numbers.hpp"

namespace sm {
namespace {

constexpr int rounds_max = 16;  // of one turn, before the sockets of HTTP are looked at again

/// The descriptors of this process that are epoll instances.
std::set<int> epoll_descriptors() {
  std::set<int> found;
  std::error_code ec;
  for (auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ec))
    if (std::filesystem::read_symlink(entry.path(), ec) == "anon_inode:[eventpoll]")
      if (auto fd = parse_integer<int>(entry.path().filename().string())) found.insert(*fd);
  return found;
}

}  // namespace

std::unique_ptr<caf::actor_system> make_loop_system(caf::actor_system_config& config,
                                                    int& multiplexer_fd) {
  config.set("middleman.manual-multiplexing", true);
  // CAF keeps the descriptor it waits on to itself: it is the epoll instance that comes into being
  // here.
  auto before = epoll_descriptors();
  auto system = std::make_unique<caf::actor_system>(config);
  multiplexer_fd = -1;
  for (int fd : epoll_descriptors())
    if (!before.contains(fd)) multiplexer_fd = fd;
  if (multiplexer_fd < 0) throw std::runtime_error("cannot find CAF's epoll descriptor");
  return system;
}

void loop::drive(caf::actor_system& system, int multiplexer_fd) {
  caf_ = &system.middleman().backend();
  caf_->thread_id(std::this_thread::get_id());
  caf_ready_.emplace(context_, multiplexer_fd);
}

void loop::run() {
  runs_ = true;
  thread_ = std::this_thread::get_id();
  while (!context_.stopped()) {
    // Timers, sockets and what was posted: asio goes on after a handler that threw.
    (void)guarded("the loop", [this] {
      end_turn();
      if (context_.run_one() > 0) context_.poll();
    });
  }
  if (caf_ready_) caf_ready_->release();
}

/// What this turn's handlers left to do goes out together: commands to the services, and what their
/// answers lead to.
void loop::end_turn() {
  int round = 0;
  for (bool worked = true; worked && round < rounds_max; ++round) {
    worked = run_caf();
    running_.swap(turn_end_);
    for (auto& f : running_) (void)guarded("the end of a turn", f);
    worked = worked || !running_.empty();
    running_.clear();
  }
  if (round == rounds_max) asio::post(context_, [] {});
  watch_caf();
}

bool loop::run_caf() {
  bool worked = false;
  while (caf_ && caf_->try_run_once()) worked = true;
  return worked;
}

void loop::watch_caf() {
  if (!caf_ready_ || watching_) return;
  watching_ = true;
  caf_ready_->async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](error_code) { watching_ = false; });
}

caf::strong_actor_ptr loop_mailbox::make_actor(caf::actor_system& system, std::uint64_t key) {
  auto pointer = caf::actor_cast<caf::strong_actor_ptr>(system.spawn<caf::actor_companion>());
  static_cast<caf::actor_companion*>(pointer->get())
      ->on_enqueue([this, key](caf::mailbox_element_ptr e) { push(key, std::move(e)); });
  return pointer;
}

void loop_mailbox::push(std::uint64_t key, caf::mailbox_element_ptr element) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = incoming_.empty();
    incoming_.emplace_back(key, std::move(element));
  }
  if (!first) return;
  if (loop_.in_loop())
    loop_.at_turn_end([this] { drain(); });
  else
    loop_.defer([this] { drain(); });
}

void loop_mailbox::drain() {
  {
    std::lock_guard lock(mutex_);
    current_.swap(incoming_);
  }
  for (auto& [key, element] : current_)
    (void)guarded("a message of a service", [&, k = key, e = element.get()] { handler_(k, *e); });
  current_.clear();
}

}  // namespace sm
