// What the threads of a consumer share, with a store and a runner that do what the test says.
#pragma once

#include <gtest/gtest.h>

#include "fake_consumer_store.hpp"
#include "log/process_log.hpp"
#include "queue/consumer/consumer_shared.hpp"

namespace sm::test {

class fake_runner : public job_runner {
 public:
  std::vector<cancel_reason> told;
  std::vector<std::string> performed;
  int killed = 0;
  bool isolated = false;  ///< a process for each job, which can be killed

  performance run(job_in_hand& job, double) override {
    performed.push_back(job.what.payload);
    if (job.what.payload == "throws") throw std::bad_alloc();
    performance p;
    p.outcome.tag = job.what.tag;
    return p;
  }
  void notify(job_in_hand& job) override { told.push_back(job.cancelled); }
  bool isolates() const override { return isolated; }
  bool kill(job_in_hand&) override {
    ++killed;
    return isolated;
  }
};

class consumer_fixture : public ::testing::Test {
 protected:
  explicit consumer_fixture(std::chrono::milliseconds lease = std::chrono::seconds(30))
      : shared(std::make_shared<consumer_shared>(
            with(runner, lease), std::make_shared<job_registry>(),
            open_log({.file = {}, .instance = {}, .level = "error"}), forwarded())) {
    auto s = std::make_unique<fake_consumer_store>();
    store = s.get();
    shared->claims = std::move(s);
    auto k = std::make_unique<fake_consumer_store>();
    kept = k.get();
    shared->keeps = std::move(k);
    shared->waiter = shared->claims->make_waiter();
  }

  static delivery job(std::int64_t number, const std::string& payload = "{}") {
    delivery d;
    d.tag = {number, 0};
    d.queue = "q";
    d.payload = payload;
    return d;
  }
  consumer_shared::entry_ptr in_hand(std::int64_t number, const std::string& payload = "{}") {
    auto e = std::make_shared<consumer_shared::entry>(job(number, payload));
    shared->in_hand.emplace(e->job.what.tag, e);
    return e;
  }
  consumer_shared::entry_ptr ready(std::int64_t number, const std::string& payload = "{}") {
    shared->ready.push_back(in_hand(number, payload));
    return shared->ready.back();
  }
  void ended(const consumer_shared::entry_ptr& e) {
    shared->finish(e, {.tag = e->job.what.tag, .queue = "q"});
  }
  void set(bool consumer_shared::*flag) {
    std::lock_guard lock(shared->mutex);
    shared.get()->*flag = true;
  }
  /// Numbers of the jobs that the n-th exchange told of.
  static std::vector<std::int64_t> told(const fake_consumer_store::exchanged& e) {
    std::vector<std::int64_t> numbers;
    for (auto& o : e.outcomes) numbers.push_back(o.tag.number);
    return numbers;
  }

 private:
  consumer_callbacks forwarded() {
    consumer_callbacks c;
    c.on_event = [this](const job_event& e) { on_event(e); };
    c.on_tallies = [this](auto&) { on_tallies(); };
    c.on_overdue = [this] { ++overdue; };
    c.on_drained = [this] { ++drained; };
    return c;
  }
  static consumer_options with(std::shared_ptr<job_runner> runner,
                               std::chrono::milliseconds lease) {
    consumer_options o;
    o.runner = std::move(runner);
    o.concurrency = 4;
    o.worker = "host:1:q";
    o.queues = {"q"};
    o.config.lease = lease;
    return o;
  }

 protected:
  std::function<void(const job_event&)> on_event = [](auto&) {};
  std::function<void()> on_tallies = [] {};
  int overdue = 0, drained = 0;
  std::shared_ptr<fake_runner> runner = std::make_shared<fake_runner>();
  std::shared_ptr<consumer_shared> shared;
  fake_consumer_store *store = nullptr, *kept = nullptr;
};

}  // namespace sm::test
