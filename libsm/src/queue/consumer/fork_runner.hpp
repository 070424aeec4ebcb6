// Performs each job in a process of its own, as Resque does. A consumer has threads, and a process
// with threads must not fork; so it executes its program once more as the job server, which has one
// thread, every library loaded, and forks for each job.
#pragma once

#include <sm/json.hpp>

#include "log/process_log.hpp"
#include "queue/consumer/job_runner.hpp"
#include "queue/queue_settings.hpp"

namespace sm {

struct job_server_settings {
  int channel = -1;  ///< the descriptor of its end
  std::string log_file{}, instance{}, log_level{};
  std::uint64_t log_max_size = 0;
  unsigned log_keep = 0;
  queue_config queue{};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(job_server_settings, channel, log_file, instance, log_level,
                                   log_max_size, log_keep, queue)

/// The variable that makes a program the job server; its value is the settings.
inline constexpr const char* job_server_variable = "SM_JOB_SERVER";

/// `argv` is the program's own. Starts the job server when the first job comes, and again when it
/// is gone. A job that is asked to end gets SIGTERM, which `job_context::cancelled` tells of, then
/// SIGKILL.
std::shared_ptr<job_runner> make_fork_runner(std::shared_ptr<const job_registry> jobs,
                                             job_server_settings settings,
                                             std::vector<std::string> argv, logger log);

/// In the job server: serves until the consumer closes the channel, then kills what still runs.
void serve_jobs(const std::shared_ptr<const job_registry>& jobs,
                const job_server_settings& settings);

}  // namespace sm
