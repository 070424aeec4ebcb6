// The caretaker's thread of a program's adapter: finds out when the program is ready, and whether
// it is healthy.
#include "builtin/program_adapter.hpp"
#include "process/listeners.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr auto ready_look_again = 50ms;  // between two questions whether it is ready

}  // namespace

/// False when it is over.
bool program_adapter::pause(std::chrono::milliseconds length) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, length, [this] { return stopping_ || ended_; });
}

void program_adapter::look_after() {
  await_ready();
  if (spec_.health.kind.empty()) return;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || ended_ || ready_; });
  }
  watch_health();
}

void program_adapter::await_ready() {
  auto& r = spec_.ready;
  if (r.kind == "delay") {
    if (!spec_.pid_file.empty()) {
      // A program that goes to the background is there once it did.
      std::unique_lock lock(mutex_);
      changed_.wait(lock,
                    [this] { return stopping_ || ended_ || (main_ != 0 && main_ != first_); });
    }
    if (pause(r.delay)) became_ready();
  } else if (r.kind == "tcp" || r.kind == "http") {
    auto target = *parse_probe_target(r.kind, r.target);
    for (;;) {
      auto answer = probe(r.kind, target, 1s);
      if (answer && answered_by_this_run(*answer)) return became_ready();
      if (!pause(ready_look_again)) return;
    }
  }
}

/// Workers of an earlier run may still hold the port: their answer says nothing about this one.
bool program_adapter::answered_by_this_run(const connection_ends& ends) {
  auto stranger = older_owner(ends, ::getpid());
  if (!stranger) return true;
  if (strangers_at_port_.allow(clock::now()))
    log().warn("{} is answered by pid {}, which is not of this run", spec_.ready.target, *stranger);
  return false;
}

void program_adapter::watch_health() {
  auto& h = spec_.health;
  if (!pause(h.grace)) return;
  auto target = *parse_probe_target(h.kind, h.target);
  do {
    auto healthy = probe(h.kind, target, h.timeout);
    if (!healthy && traced()) continue;
    std::unique_lock lock(mutex_);
    if (leaving_) return;
    failures_ = healthy ? 0 : failures_ + 1;
    health_ = healthy ? "healthy" : healthy.error().detail;
    if (healthy) continue;
    auto failures = failures_;
    auto words = health_;
    lock.unlock();
    log().warn("health check {} of {} failed: {}", failures, h.failures, words);
    if (failures >= h.failures) return end_program("unhealthy: " + words);
  } while (pause(h.interval));
}

void program_adapter::became_ready() {
  pid_t pid = 0;
  {
    std::lock_guard lock(mutex_);
    if (ended_ || std::exchange(ready_, true)) return;
    pid = main_ != 0 ? main_ : first_;
  }
  changed_.notify_all();
  host_.set_ready(pid);
}

json program_adapter::status() {
  std::lock_guard lock(mutex_);
  json document{{"pid", main_}, {"command", spec_.command}, {"ready", ready_}};
  if (!spec_.health.kind.empty()) document["health"] = health_;
  if (!view_.status_text.empty()) document["status"] = view_.status_text;
  if (view_.reloading) document["reloading"] = true;
  return document;
}

}  // namespace sm
