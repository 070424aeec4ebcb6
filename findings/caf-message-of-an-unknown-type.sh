#!/bin/bash
# CAF 0.17.6 (Debian 12): a message whose type only the sender has registered, as in a rolling upgrade.
# Expected: an error that names the type, or a lost link.
# Seen: the receiver gets an empty message, (), and the sender `unexpected_message`; what was sent cannot be told.
# sm: the greeting has a protocol version, which is compared before any message is.
. "$(dirname "$0")/common"
debs libcaf-dev=0.17.6-2.1+b1 libcaf-core0.17=0.17.6-2.1+b1 libcaf-io0.17=0.17.6-2.1+b1
cat > "$here/send.cpp" <<'CPP'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <iostream>

struct order {
  int number;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, order& o) {
  return f(caf::meta::type_name("order"), o.number);
}

struct config : caf::actor_system_config {
  explicit config(bool knows_order) {
    load<caf::io::middleman>();
    if (knows_order) add_message_type<order>("order");
  }
};

int main() {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  auto server = fork();
  if (server == 0) {
    config c{false};
    caf::actor_system system{c};
    auto a = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler([](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
        auto message = view.move_content_to_message();
        std::cout << "arrived: " << message.size() << " elements" << std::endl;
        return caf::sec::unexpected_message;
      });
      return {[](const order& o) { return o.number; }};
    });
    auto port = system.middleman().publish(a, 0, "127.0.0.1");
    if (!port || write(ends[1], &*port, sizeof *port) != sizeof *port) _exit(1);
    for (;;) pause();
  }
  std::uint16_t port = 0;
  if (read(ends[0], &port, sizeof port) != sizeof port) return 1;
  {
    config c{true};
    caf::actor_system system{c};
    auto other = system.middleman().remote_actor("127.0.0.1", port);
    if (!other) return 1;
    caf::scoped_actor self{system};
    self->request(*other, std::chrono::seconds(5), order{7})
        .receive([](int n) { std::cout << "answered: " << n << std::endl; },
                 [&](caf::error& e) { std::cout << "answered: " << system.render(e) << std::endl; });
  }
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
}
CPP
g++ -std=c++17 -w -I"$here/root/usr/include" "$here/send.cpp" -o "$here/send" -L"$here/root/usr/lib/x86_64-linux-gnu" \
  -l:libcaf_io.so.0.17.6 -l:libcaf_core.so.0.17.6 -lpthread
seen=$(timeout 60 "$here/send")
same "receiver" "arrived: 0 elements" "$(sed -n 1p <<< "$seen")"
same "sender" "answered: system_error(unexpected_message)" "$(sed -n 2p <<< "$seen")"
