// The configuration file while the manager runs: read again to see what would change, and carried
// out when somebody says so. Runs in the loop; the file is read by a thread of its own.
#pragma once

#include <optional>
#include <sm/log.hpp>
#include <string>

#include "link/loop.hpp"
#include "manager/declared_program.hpp"
#include "manager/supervisor.hpp"
#include "process/worker_thread.hpp"
#include "queue/queue_view.hpp"

namespace sm {

class configuration_keeper {
 public:
  /// Reads everything anew; called in a thread.
  using read_declared = std::function<declared_program()>;

  /// `running` is what the program was started with. Without a file `read` is empty.
  configuration_keeper(loop& l, supervisor& services, queue_view& jobs, read_declared read,
                       declared_program running, logger log);

  bool has_file() const noexcept { return read_ != nullptr; }

  /// {"etag", "changes": [...], "errors": [...]}.
  promise<json> plan(bool overwrite);
  /// Carries the plan out. Fails with `conflict` where `etag` is that of another plan: the file, or
  /// what runs, has changed since. What a file with mistakes says is not carried out at all.
  promise<json> apply(std::optional<std::string> etag, bool overwrite, wait_for w,
                      const principal& by = {});

  /// A limit that was declared before and is no more ends.
  void drop_limits(const std::map<std::string, queue_limits>& before);

 private:
  struct outlook {
    declared_program declared;
    service_plan services;
    json changes = json::array();
    json errors = json::array();
    std::string etag;
  };

  void look(bool overwrite, std::function<void(result<std::shared_ptr<outlook>>)> done);
  std::shared_ptr<outlook> compare(declared_program declared, bool overwrite) const;
  promise<json> carry_out(const outlook& o, wait_for w, const principal& by);

  loop& loop_;
  supervisor& services_;
  queue_view& jobs_;
  const read_declared read_;
  declared_program running_;
  logger log_;
  const std::string salt_;  // an etag tells nobody anything about secrets
  worker_thread reader_{16};
};

}  // namespace sm
