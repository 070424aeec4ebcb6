// The dashboard: brings pages the documents of /v1 that they show, signs browsers in and out, and
// serves the pages' files. Asks and answers in the loop; a thread of its own makes the pages.
#pragma once

#include <memory>
#include <sm/log.hpp>

#include "api/token_keeper.hpp"
#include "dashboard/pages.hpp"
#include "gateway/gateway.hpp"
#include "process/worker_thread.hpp"
#include "security/sign_in_codes.hpp"

namespace sm {

class dashboard {
 public:
  /// All outlives it. `program` names the manager; `has_queue`: somebody performs jobs, or moves
  /// them.
  dashboard(loop& l, router<endpoint>& routes, gateway& http, token_keeper& tokens,
            std::string program, logger log, std::function<bool()> has_queue);

  /// Adds its routes. Those that the program has itself stay the program's.
  void add_routes();
  /// A link that signs in who follows it, once: {"url", "role", "expires_in_s"}; `maker` is the
  /// token that asks, "" the manager's own user. Fails with `conflict` without TCP.
  result<json> sign_in_link(api_role role, const std::string& maker = {});

 private:
  void add(std::string_view method, std::string_view path, route_access access,
           route_handler handler);
  void serve(const dashboard_page& page, request& rq, response_sink sink);
  void show_sign_in(const request& rq, const response_sink& sink);
  void sign_in(const request& rq, const response_sink& sink);
  void sign_in_by_code(const std::string& code, const std::string& next, const request& rq,
                       const response_sink& sink);
  void sign_out(const request& rq, const response_sink& sink);
  response refusal(const error& e, const request_head& head, const request_target& target) const;
  page_request asked_for(const dashboard_page& page, const request& rq) const;
  std::string cookie_of(std::string_view secret, std::int64_t max_age) const;

  loop& loop_;
  router<endpoint>& routes_;
  gateway& http_;
  token_keeper& tokens_;
  const std::string program_;
  const logger log_;
  const std::function<bool()> has_queue_;
  bool on_ = false;
  sign_in_codes codes_;
  worker_thread pages_{256};
};

}  // namespace sm
