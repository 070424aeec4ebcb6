// A journal that writes when the test says so, or refuses to.
#pragma once

#include <deque>

#include "manager/journal.hpp"

namespace sm::test {

class fake_journal : public service_journal {
 public:
  void put_service(const desired_service& row, std::function<void(result<void>)> done) override {
    waiting.push_back({row, std::move(done)});
  }

  /// The oldest write ends.
  void write(const result<void>& outcome = {}) {
    auto next = std::move(waiting.front());
    waiting.pop_front();
    if (outcome) written.push_back(next.row);
    next.done(outcome);
  }

  struct write_asked {
    desired_service row;
    std::function<void(result<void>)> done;
  };
  std::deque<write_asked> waiting;
  std::vector<desired_service> written;
};

}  // namespace sm::test
