#include "manager/adoption.hpp"

#include "manager/instance.hpp"

namespace sm {

result<std::function<void(unique_fd)>> adoption::on_greeting(received_greeting& greeting,
                                                             const peer& who) {
  auto& said = greeting.document;
  auto role = said.value("role", "");
  if (role == "forks") return on_fork_server(greeting);
  auto i = known_.process(who.pid);
  if (role != "service" || !i || i->name() != said.value("instance", ""))
    return fail(errc::conflict, "this manager knows no such process");
  // Its sockets are good even if it is to end.
  if (i->proves_to_be(said))
    sockets_.take_over(i->started_spec().sockets, std::move(greeting.passed));
  return i->on_greeting(said);
}

result<std::function<void(unique_fd)>> adoption::on_fork_server(received_greeting& greeting) {
  auto& said = greeting.document;
  if (said.value("token", "") != token_)
    return fail(errc::conflict, "this is no fork server of this state folder");
  if (greeting.passed.empty()) return fail(errc::bad_request, "a fork server passes its channel");
  // What it started and no journal knows never ran anything: its manager died just then.
  return [this, children = said.value("children", std::vector<pid_t>{}),
          channel = std::make_shared<unique_fd>(std::move(greeting.passed.front()))](unique_fd) {
    forks_.take_over(std::move(*channel), children);
    for (auto pid : children)
      if (!known_.process(pid)) end_.forget(pid);
  };
}

}  // namespace sm
