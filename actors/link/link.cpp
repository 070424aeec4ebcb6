#include "link/link.hpp"

#include <caf/io/basp_broker.hpp>
#include <caf/io/scribe.hpp>
#include <set>
#include <vector>

namespace sm {
namespace {

caf::actor basp_broker(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

}  // namespace

void publish_link(caf::actor_system& system, unique_fd fd, std::uint16_t slot,
                  const caf::strong_actor_ptr& instance) {
  auto scribe = system.middleman().backend().new_scribe(fd.release());
  caf::anon_send(basp_broker(system), caf::publish_atom_v, std::move(scribe), slot, instance,
                 std::set<std::string>{});
}

void forget_lost_nodes(caf::actor_system& system) {
  auto handle = basp_broker(system);
  auto& broker = *static_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(handle));
  auto& servers = broker.spawn_servers;
  for (auto entry = servers.begin(); entry != servers.end();)
    entry =
        broker.instance.tbl().lookup_direct(entry->first) ? std::next(entry) : servers.erase(entry);
  // What is said to a connection that is gone, such as that an actor ended, CAF (0.17.6) appends to
  // one buffer that nobody ever reads.
  std::vector<char>().swap(broker.wr_buf(caf::io::connection_handle{}));
}

void connect_link(caf::io::broker* self, unique_fd fd, std::chrono::milliseconds timeout,
                  std::function<void(result<caf::strong_actor_ptr>)> on_connected) {
  auto& system = self->system();
  auto scribe = system.middleman().backend().new_scribe(fd.release());
  self->request(basp_broker(system), timeout, caf::connect_atom_v, std::move(scribe),
                std::uint16_t{0})
      .then(
          [on_connected](const caf::node_id&, const caf::strong_actor_ptr& instance,
                         const std::set<std::string>&) {
            if (instance)
              on_connected(instance);
            else
              on_connected(fail(errc::unavailable, "the manager has no instance for this link"));
          },
          [self, on_connected](const caf::error& e) {
            on_connected(
                fail(errc::unavailable, "no link to the manager: " + self->system().render(e)));
          });
}

}  // namespace sm
