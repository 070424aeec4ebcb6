// Hands a connected socket to CAF's BASP broker: the one place where a process becomes reachable
// for another. No port is ever listened on (one 32-byte packet would crash CAF 0.17): a link's two
// ends are descriptors we made, and an executable that joins by itself will hand over an
// authenticated one here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <sm/error.hpp>

#include "link/caf.hpp"
#include "system/unique_fd.hpp"

namespace sm {

/// The manager's end. `instance` is whom the other process's first message reaches; each link has
/// an instance actor of its own, because CAF never tells on which connection a message came. A slot
/// may be used again once its link is gone, so that the broker's table stays bounded.
void publish_link(caf::actor_system& system, unique_fd fd, std::uint16_t slot,
                  const caf::strong_actor_ptr& instance);

/// Drops what CAF keeps for every node it ever met, for those whose link is gone. In the thread
/// that runs CAF's I/O.
void forget_lost_nodes(caf::actor_system& system);

/// The service process's end: calls `on_connected` in `self` with the manager's instance actor, or
/// with why there is none, after `timeout` at the latest.
void connect_link(caf::io::broker* self, unique_fd fd, std::chrono::milliseconds timeout,
                  std::function<void(result<caf::strong_actor_ptr>)> on_connected);

}  // namespace sm
