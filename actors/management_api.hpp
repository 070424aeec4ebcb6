// The routes under /v1, and the probes.
#pragma once

#include "event_streams.hpp"
#include "gateway.hpp"
#include "log_service.hpp"
#include "process/worker_thread.hpp"
#include "queue/job_store.hpp"
#include "supervisor.hpp"

namespace sm {

/// The queue as the manager looks at it; calls wait for the store, so they run in a thread of their
/// own.
class queue_view {
 public:
  queue_view(std::string url, queue_config config, logger log);

  promise<json> counts();
  promise<json> failed(std::size_t offset, std::size_t count);
  /// A consumer is gone: what it had in hand is ready again at once.
  void release(const std::string& worker);

 private:
  promise<json> ask(std::function<result<json>(job_store&)> question);

  const std::string url_;
  const queue_config config_;
  logger log_;
  std::unique_ptr<job_store> store_;  // used by the thread alone
  worker_thread thread_{1024};
};

/// What the routes are about; all of it outlives them.
struct management_parts {
  supervisor& services;
  queue_view& jobs;
  event_streams& events;
  log_service& logs;
  std::filesystem::path log_folder;
  const bool& shutting_down;
};

/// Adds the routes; fails when the program defined one of them itself.
result<void> add_management_routes(router<endpoint>& routes, const management_parts& parts);

}  // namespace sm
