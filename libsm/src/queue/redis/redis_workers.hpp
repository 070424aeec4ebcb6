// The consumers as Resque lists them, and whether this Redis suits them.
#pragma once

#include <string>
#include <vector>

#include "queue/redis/redis_client.hpp"

namespace sm {

class redis_workers {
 public:
  explicit redis_workers(redis_client& client) : client_(client) {}

  result<void> register_worker(const std::string& worker);
  result<void> heartbeat(const std::string& worker);
  result<void> unregister_worker(const std::string& worker);
  /// Forgets consumers of sm that ended with their manager, so that nobody said so: Resque's rule
  /// of five minutes. Their jobs come back by their leases: one that only slept keeps them.
  result<void> forget_the_silent();
  /// What is wrong with the server's settings, and the remedy. Fails with `invalid_spec` where it
  /// cannot be used at all.
  result<std::vector<std::string>> warnings();

 private:
  std::string key(std::string_view name) const { return client_.url().prefix + std::string(name); }
  result<void> beat(const std::string& worker, bool begins);
  result<std::int64_t> server_time();
  /// BLMOVE and LPOP with a count came with 6.2.
  result<void> check_version();
  /// Our own keys have a form, which later versions may change.
  result<void> check_form();

  redis_client& client_;
};

}  // namespace sm
