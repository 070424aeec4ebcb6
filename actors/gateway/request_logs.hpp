// What is written down of requests: the access log, if it is wanted, and the audit log. Lines are
// made in the loop and written by a thread; what waits for the disk is bounded.
#pragma once

#include <filesystem>
#include <memory>
#include <sm/config.hpp>
#include <sm/json.hpp>
#include <sm/log.hpp>
#include <sm/promise.hpp>

#include "link/loop.hpp"
#include "log/audit_trail.hpp"
#include "log/log_file.hpp"
#include "log/rate_limit.hpp"
#include "process/worker_thread.hpp"

namespace sm {

class request_logs {
 public:
  /// Of the folder's access.log and audit.log; the chain of the latter goes on.
  request_logs(loop& l, std::filesystem::path folder, const log_config& config, logger log);
  bool wants_all() const noexcept { return access_ != nullptr; }
  bool audits() const noexcept { return audit_ != nullptr; }
  void add(const request_record& of, bool audited);
  /// The last entries of the audit log, the newest first: {"entries"}.
  promise<json> latest_audited(std::size_t most);
  /// Writes what waits. Nothing is taken afterwards.
  void close();

 private:
  void audit(request_record of);
  void write_soon();
  void write();

  loop& loop_;
  const std::filesystem::path audit_path_;
  const logger log_;
  std::shared_ptr<log_file> access_, audit_;
  std::string waiting_;  // of the access log
  std::uint64_t dropped_ = 0;
  bool due_ = false;
  audit_place place_;
  rate_limit refusals_;  // to nobody
  asio::steady_timer timer_;
  worker_thread disk_{4096};
};

}  // namespace sm
