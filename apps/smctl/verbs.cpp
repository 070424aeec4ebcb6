#include "verbs.hpp"

namespace sm::ctl {

const handlers& all_handlers() {
  static const handlers all = [] {
    handlers to;
    add_service_verbs(to);
    add_change_verbs(to);
    add_call_verbs(to);
    add_log_verbs(to);
    add_live_verbs(to);
    add_edit_verbs(to);
    add_queue_verbs(to);
    add_job_verbs(to);
    add_config_verbs(to);
    add_daemon_verbs(to);
    add_token_verbs(to);
    add_audit_verbs(to);
    return to;
  }();
  return all;
}

}  // namespace sm::ctl
