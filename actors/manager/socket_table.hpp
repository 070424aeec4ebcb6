// Listening sockets that services inherit: bound once, shared by all instances, and taken over from
// the instances of an earlier manager. Runs in the loop alone.
#pragma once

#include <map>
#include <set>
#include <sm/error.hpp>
#include <string>
#include <vector>

#include "process/listen_address.hpp"
#include "system/unique_fd.hpp"

namespace sm {

class socket_table {
 public:
  /// The sockets for these addresses, bound now if they were not yet; the files of Unix sockets get
  /// this mode then.
  result<std::vector<int>> get(const std::vector<std::string>& addresses, mode_t mode);

  /// An adopted instance has them open: from now on they are ours, too.
  void take_over(const std::vector<std::string>& addresses, std::vector<unique_fd> sockets);

  bool empty() const noexcept { return sockets_.empty(); }

  /// Closes those that no service wants any more, and removes the files of Unix sockets.
  void keep_only(const std::set<std::string>& wanted);

 private:
  std::map<std::string, unique_fd> sockets_;
};

}  // namespace sm
