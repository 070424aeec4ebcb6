#include "manager/supervision.hpp"

#include "link/link.hpp"
#include "manager/instance.hpp"

namespace sm {

void supervision::on_message(std::uint64_t link, caf::mailbox_element& element) {
  if (auto i = processes.link(link)) i->on_message(element);
}

void supervision::on_link_dropped() {
  constexpr unsigned together = 64;
  if (++dropped_links_ % together == 0) events.defer([this] { forget_lost_nodes(system); });
}

}  // namespace sm
