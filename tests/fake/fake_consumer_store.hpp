// A store of a consumer that does what the test says, and remembers what it was asked.
#pragma once

#include <deque>
#include <functional>

#include "queue/consumer_store.hpp"

namespace sm::test {

class fake_waiter : public job_waiter {
 public:
  struct told {
    std::vector<std::vector<std::string>> watched;
    std::function<void()> on_wait = [] {};
  };
  explicit fake_waiter(told& t) : told_(t) {}
  void watch(const std::vector<std::string>& queues) override { told_.watched.push_back(queues); }
  void unwatch() override {}
  void wait(std::chrono::milliseconds) override { told_.on_wait(); }
  void interrupt() override {}

 private:
  told& told_;
};

class fake_consumer_store : public consumer_store {
 public:
  struct exchanged {
    std::vector<job_outcome> outcomes;
    claim_request claim;
  };
  using answer = std::function<result<exchange_result>(const exchanged&)>;

  std::deque<answer> answers;  ///< of the next exchanges; afterwards nothing is claimed
  std::vector<exchanged> asked;
  std::vector<std::vector<delivery_tag>> resynced;
  fake_waiter::told waiter;
  std::vector<std::string> calls;
  std::function<result<std::vector<delivery_tag>>()> renewed = [] {
    return std::vector<delivery_tag>{};
  };
  std::function<result<std::vector<job_id>>()> wishes = [] { return std::vector<job_id>{}; };

  result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                   const claim_request& claim) override {
    asked.push_back({{outcomes.begin(), outcomes.end()}, claim});
    auto now = answers.empty() ? [](const exchanged& e) -> result<exchange_result> {
      return exchange_result{.accepted = e.outcomes.size()};
    }
    : std::move(answers.front());
    if (!answers.empty()) answers.pop_front();
    return now(asked.back());
  }
  result<std::vector<delivery_tag>> renew(std::span<const delivery>,
                                          std::chrono::milliseconds) override {
    calls.emplace_back("renew");
    return renewed();
  }
  result<std::size_t> resync(const std::string&, std::span<const delivery_tag> held) override {
    resynced.emplace_back(held.begin(), held.end());
    return std::size_t{0};
  }
  result<std::vector<job_id>> cancel_requests() override {
    calls.emplace_back("cancel_requests");
    return wishes();
  }
  result<void> put_status(std::span<const std::pair<job_id, std::string>>) override { return {}; }
  result<void> release_lock(const std::string&, const job_id&) override { return {}; }
  std::unique_ptr<job_waiter> make_waiter() override {
    return std::make_unique<fake_waiter>(waiter);
  }
  result<void> unregister_worker(const std::string&) override {
    calls.emplace_back("unregister_worker");
    return {};
  }
  result<std::size_t> release(const std::string&) override {
    calls.emplace_back("release");
    return std::size_t{0};
  }
  result<std::size_t> reap() override {
    calls.emplace_back("reap");
    return std::size_t{0};
  }
};

}  // namespace sm::test
