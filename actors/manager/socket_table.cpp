#include "manager/socket_table.hpp"

namespace sm {

result<std::vector<int>> socket_table::get(const std::vector<std::string>& addresses, mode_t mode) {
  std::vector<int> list;
  for (auto& address : addresses) {
    auto& socket = sockets_[address];
    if (!socket) {
      auto bound = listen_at(address, mode);
      if (!bound) {
        sockets_.erase(address);
        return tl::unexpected<error>(bound.error());
      }
      socket = std::move(*bound);
    }
    list.push_back(socket.get());
  }
  return list;
}

void socket_table::take_over(const std::vector<std::string>& addresses,
                             std::vector<unique_fd> sockets) {
  for (std::size_t i = 0; i < addresses.size() && i < sockets.size(); ++i)
    sockets_.try_emplace(addresses[i], std::move(sockets[i]));
}

void socket_table::keep_only(const std::set<std::string>& wanted) {
  std::erase_if(sockets_, [&](auto& entry) {
    if (wanted.contains(entry.first)) return false;
    remove_socket_file(entry.first, entry.second.get());
    return true;
  });
}

}  // namespace sm
