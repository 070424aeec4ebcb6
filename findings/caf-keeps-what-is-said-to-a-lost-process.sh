#!/bin/bash
# CAF 0.17.6 (Debian 12): an actor that is linked to one of another process ends after that process was killed.
# Expected: what is said to a process that is gone is dropped.
# Seen: for each such process some bytes are appended to a buffer of the BASP broker that nothing ever reads or empties,
# so that a process that outlives many others grows for ever (about a megabyte for each 50,000).
# sm: actors/link/link.cpp empties that buffer; tests/fault/restarts.py measures 100,000 restarts.
. "$(dirname "$0")/common"
debs libcaf-dev=0.17.6-2.1+b1 libcaf-core0.17=0.17.6-2.1+b1 libcaf-io0.17=0.17.6-2.1+b1
cat > "$here/kept.cpp" <<'CPP'
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <iostream>

// One process that greets the server and waits to be killed; forked before any thread is there.
void child(int port_of) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::uint16_t port = 0;
  if (read(port_of, &port, sizeof port) != sizeof port) _exit(0);
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system system{config};
  auto server = system.middleman().remote_actor("127.0.0.1", port);
  if (!server) _exit(1);
  auto mine = system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  caf::anon_send(*server, mine);
  for (;;) pause();
}

int main() {
  constexpr int rounds = 60;
  pid_t pids[rounds];
  int ports[rounds][2];
  for (int n = 0; n < rounds; ++n) {
    if (pipe(ports[n]) != 0) return 1;
    if ((pids[n] = fork()) == 0) child(ports[n][0]);
  }
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  auto main = caf::actor_cast<caf::actor>(self);
  auto server = system.spawn([main](caf::event_based_actor* me) -> caf::behavior {
    return {[me, main](const caf::actor& other) { me->send(main, other); }};
  });
  auto port = system.middleman().publish(server, 0, "127.0.0.1");
  if (!port) return 1;
  auto kept = [&] {  // asked within the broker's own thread
    auto broker = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    auto& b = *static_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(broker));
    return b.wr_buf(caf::io::connection_handle{}).size();
  };
  for (int n = 0; n < rounds; ++n) {
    if (write(ports[n][1], &*port, sizeof *port) != sizeof *port) return 1;
    self->receive([&](const caf::actor& other) {
      auto linked = system.spawn([other](caf::event_based_actor* me) -> caf::behavior {
        me->link_to(other);
        return {[](int) {}};
      });
      self->monitor(linked);
      kill(pids[n], SIGKILL);
      waitpid(pids[n], nullptr, 0);
      caf::anon_send_exit(linked, caf::exit_reason::user_shutdown);
    });
    self->receive([](const caf::down_msg&) {});
    std::cout << kept() << " ";
  }
  std::cout << std::endl;
  _exit(0);  // the server's actor would be waited for
}
CPP
g++ -std=c++17 -w -I"$here/root/usr/include" "$here/kept.cpp" -o "$here/kept" -L"$here/root/usr/lib/x86_64-linux-gnu" \
  -l:libcaf_io.so.0.17.6 -l:libcaf_core.so.0.17.6 -lpthread
seen=$(timeout 100 "$here/kept")
echo "bytes kept after each process: $seen"
same "processes" 60 "$(wc -w <<< "$seen")"
same "never less than before" "$(tr ' ' '\n' <<< "$seen" | sort -n | xargs)" "$(xargs <<< "$seen")"
same "some are kept" yes "$([ "$(xargs <<< "$seen" | grep -o '[0-9]*$')" -gt 0 ] && echo yes)"
