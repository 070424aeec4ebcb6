// The certificate of HTTPS: read at the start, and again when its files have changed. Lives in the
// loop; files are read by a thread.
#pragma once

#include <sm/config.hpp>
#include <sm/log.hpp>

#include "link/loop.hpp"
#include "process/worker_thread.hpp"
#include "security/tls.hpp"

namespace sm {

class certificate_keeper {
 public:
  certificate_keeper(loop& l, const http_config& config, logger log);

  /// Reads it, if there is to be one, and looks after it from now on. Fails when it cannot be used.
  result<void> open();
  /// What new connections are to use; null: they are without TLS.
  const std::shared_ptr<const tls_server>& current() const noexcept { return current_; }
  /// Reads it again if it has changed; one that cannot be used is told in the log, and the present
  /// one stays.
  void renew();
  void stop() { timer_.cancel(); }

 private:
  void look_again();

  loop& loop_;
  const http_config& config_;
  const logger log_;
  std::shared_ptr<const tls_server> current_;
  std::string looked_at_;  // by which the files are known, whether or not they could be used
  asio::steady_timer timer_;
  worker_thread disk_{16};
};

}  // namespace sm
