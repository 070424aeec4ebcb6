#!/bin/bash
# CAF 0.17.6 (Debian 12): a request to an actor of another process, which is killed, and one after its end is known.
# Expected: both fail at once, at the latest when the down_msg for the actor is there.
# Seen: the down_msg comes within milliseconds; both requests wait for their whole timeout and know nothing but that.
# sm: calls stand in a table of its own, which fails them when a link is lost; no request is without a deadline.
. "$(dirname "$0")/common"
debs libcaf-dev=0.17.6-2.1+b1 libcaf-core0.17=0.17.6-2.1+b1 libcaf-io0.17=0.17.6-2.1+b1
cat > "$here/ask.cpp" <<'CPP'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <chrono>
#include <iostream>

using clock_type = std::chrono::steady_clock;

int main() {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  auto server = fork();
  if (server == 0) {
    caf::actor_system_config config;
    config.load<caf::io::middleman>();
    caf::actor_system system{config};
    auto silent = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
      return {[self](int) { return self->make_response_promise(); }};
    });
    auto port = system.middleman().publish(silent, 0, "127.0.0.1");
    if (!port || write(ends[1], &*port, sizeof *port) != sizeof *port) _exit(1);
    for (;;) pause();
  }
  std::uint16_t port = 0;
  if (read(ends[0], &port, sizeof port) != sizeof port) return 1;
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system system{config};
  auto other = system.middleman().remote_actor("127.0.0.1", port);
  if (!other) return 1;
  caf::scoped_actor self{system};
  self->monitor(*other);
  auto start = clock_type::now();
  auto tell = [&](const char* what, const std::string& reason) {
    auto waited = clock_type::now() - start;
    std::cout << what << ": " << reason << (waited >= std::chrono::seconds(2) ? " after its timeout" : " at once") << '\n';
  };
  auto failed = [&](const char* what) { return [&, what](caf::error& e) { tell(what, system.render(e)); }; };
  auto answer = [](int) { std::cout << "an answer\n"; };
  auto in_flight = self->request(*other, std::chrono::seconds(2), 1);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  self->receive([&](const caf::down_msg& down) { tell("down_msg", system.render(down.reason)); });
  in_flight.receive(answer, failed("in flight"));
  start = clock_type::now();
  self->request(*other, std::chrono::seconds(2), 1).receive(answer, failed("to the dead"));
}
CPP
g++ -std=c++17 -w -I"$here/root/usr/include" "$here/ask.cpp" -o "$here/ask" -L"$here/root/usr/lib/x86_64-linux-gnu" \
  -l:libcaf_io.so.0.17.6 -l:libcaf_core.so.0.17.6 -lpthread
seen=$(timeout 60 "$here/ask")
same "1" "down_msg: exit_reason(remote_link_unreachable) at once" "$(sed -n 1p <<< "$seen")"
same "2" "in flight: system_error(request_timeout) after its timeout" "$(sed -n 2p <<< "$seen")"
same "3" "to the dead: system_error(request_timeout) after its timeout" "$(sed -n 3p <<< "$seen")"
