#!/bin/bash
# CAF 0.17.6 (Debian 12): the node ids of two processes of one host that are each pid 1, as in two containers.
# Expected: different ids; they are what tells one process from the other in BASP.
# Seen: the same id: it is a hash of the host's hardware addresses and the pid. Two such nodes cannot be told apart.
# sm: a link is a socketpair with an actor of its own, never looked up by node; nodes of a cluster need an id of sm's.
# Needs root, or unprivileged user namespaces.
. "$(dirname "$0")/common"
debs libcaf-dev=0.17.6-2.1+b1 libcaf-core0.17=0.17.6-2.1+b1 libcaf-io0.17=0.17.6-2.1+b1
cat > "$here/node.cpp" <<'CPP'
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <iostream>

int main() {
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system system{config};
  std::cout << caf::to_string(system.node()) << '\n';
}
CPP
g++ -std=c++17 -w -I"$here/root/usr/include" "$here/node.cpp" -o "$here/node" -L"$here/root/usr/lib/x86_64-linux-gnu" \
  -l:libcaf_io.so.0.17.6 -l:libcaf_core.so.0.17.6 -lpthread
as_pid_1() { unshare --map-root-user --pid --fork "$here/node"; }
one=$(as_pid_1) two=$(as_pid_1)
same "two processes that are pid 1" "the same id" "$([ "$one" = "$two" ] && echo "the same id" || echo "$one, $two")"
one=$("$here/node") two=$("$here/node")
same "two processes beside each other" "two ids" "$([ "$one" = "$two" ] && echo "$one" || echo "two ids")"
