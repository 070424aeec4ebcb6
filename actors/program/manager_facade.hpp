// The manager as handlers of routes see it; callable from any thread.
#pragma once

#include "manager/supervisor.hpp"

namespace sm {

class manager_facade : public manager {
 public:
  manager_facade(loop& l, supervisor& s, queue q)
      : loop_(l), supervisor_(s), queue_(std::move(q)) {}

  promise<json_text> send_text(const std::string& service, const std::string& command,
                               std::string arguments, std::chrono::milliseconds timeout) override {
    return in_loop([this, c = to(service, command, std::move(arguments), timeout)] {
      return supervisor_.commands().send(c);
    });
  }
  promise<json_text> broadcast_text(const std::string& select, const std::string& command,
                                    std::string arguments,
                                    std::chrono::milliseconds timeout) override {
    return in_loop([this, c = to(select, command, std::move(arguments), timeout)] {
      return supervisor_.commands().broadcast(c);
    });
  }
  void tell(const std::string& service, const std::string& command,
            const json& arguments) override {
    (void)send_text(service, command, print_json(arguments), std::chrono::milliseconds(0));
  }
  const queue& jobs() const override { return queue_; }

 private:
  static call to(const std::string& target, const std::string& command, std::string arguments,
                 std::chrono::milliseconds timeout) {
    return {.target = target,
            .command = command,
            .arguments = std::move(arguments),
            .timeout = timeout,
            .caller = "program"};
  }

  template <class F>
  promise<json_text> in_loop(F f) {
    if (loop_.in_loop()) return f();
    promise<json_text> answer;
    loop_.defer([answer, f] {
      f().then([answer](result<json_text> outcome) { answer.set(std::move(outcome)); });
    });
    return answer;
  }

  loop& loop_;
  supervisor& supervisor_;
  queue queue_;
};

}  // namespace sm
