// Wakes waiting consumers of an SQLite queue without polling: each binds a datagram socket in a
// folder beside the database, and a producer sends it one byte. A lost wake-up costs a consumer's
// slow poll.
#pragma once

#include <chrono>
#include <filesystem>
#include <sm/error.hpp>

#include "system/unique_fd.hpp"

namespace sm {

/// A consumer's end. Its socket stands in the folder only while it waits.
class wake_up_receiver {
 public:
  static result<wake_up_receiver> open(const std::filesystem::path& database);
  wake_up_receiver(wake_up_receiver&&) = default;
  ~wake_up_receiver();

  /// Offers itself to producers. Look for jobs once more after this: then none is missed.
  void announce();
  void withdraw();
  /// Waits for a wake-up or `interrupt()`; false when `timeout` passed.
  bool wait(std::chrono::milliseconds timeout);
  /// Ends the present or next wait, from any thread.
  void interrupt();

 private:
  wake_up_receiver(unique_fd socket, unique_fd interrupter, std::filesystem::path hidden,
                   std::filesystem::path visible);

  unique_fd socket_;
  unique_fd interrupter_;
  std::filesystem::path hidden_, visible_;
};

/// Wakes all waiting consumers: nobody here knows who serves which queue. Sockets of dead consumers
/// are removed on the way.
void wake_up(const std::filesystem::path& database);

}  // namespace sm
