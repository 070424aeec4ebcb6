#!/bin/bash
# CAF 0.17.6 (Debian 12): actor_companion::disconnect, the documented end of an actor for threads that are no actors.
# Expected: it links: it is a public, exported member of a shipped header.
# Seen: declared, but in no library: "undefined reference".
# sm: ends its companions by their cleanup; see actors/link/caf.hpp.
. "$(dirname "$0")/common"
debs libcaf-dev=0.17.6-2.1+b1 libcaf-core0.17=0.17.6-2.1+b1
cat > "$here/end.cpp" <<'CPP'
#include <caf/actor_companion.hpp>
#include <caf/all.hpp>

int main() {
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto companion = caf::actor_cast<caf::strong_actor_ptr>(system.spawn<caf::actor_companion>());
  static_cast<caf::actor_companion*>(companion->get())->disconnect(caf::exit_reason::user_shutdown);
}
CPP
seen=$(g++ -std=c++17 -w -I"$here/root/usr/include" "$here/end.cpp" -o "$here/end" -L"$here/root/usr/lib/x86_64-linux-gnu" \
  -l:libcaf_core.so.0.17.6 -lpthread 2>&1 || true)
same "disconnect" "undefined reference to \`caf::actor_companion::disconnect(caf::exit_reason)'" \
  "$(grep -o 'undefined reference.*' <<< "$seen" | head -1)"
