// What the routes of the management API share: reading requests, and adding routes to the table.
#pragma once

#include <chrono>
#include <sm/http.hpp>
#include <string>

#include "api/operations.hpp"
#include "gateway/gateway.hpp"

namespace sm {

/// A duration in the query ("timeout=300ms"), or 0 without one.
std::chrono::milliseconds duration_of(const request& rq, const char* name);

/// A whole number in the query; its bounds are the operation's.
std::size_t number_of(const request& rq, const char* name, std::size_t otherwise);

/// True for "follow", "follow=1" and "follow=true".
bool flag_of(const request& rq, const char* name);

/// The body must be JSON. curl's default type is let through: the token, or the Unix socket,
/// already rules out a foreign page's form.
void check_media_type(const request& rq);

json body_of(const request& rq);
/// Likewise; one that is no object is refused.
json object_of(const request& rq);

/// Likewise; fields that the operation called `id` does not know are refused, too.
json fields_of(const request& rq, std::string_view id);

/// The body's bytes, known to be JSON: arguments travel on as they came.
std::string arguments_of(const request& rq);

response with_status(unsigned status, const json& document);

/// Binds handlers to the rows of the table of operations: the row says where the route is, and what
/// its requests may hold.
class route_adder {
 public:
  explicit route_adder(router<endpoint>& routes) : routes_(routes) {}

  template <class F>
  void bind(std::string_view id, F handler) {
    put(id, make_route_handler(std::move(handler)));
  }

  /// Fails when a row has no handler, a handler no row, or the program defined one of the routes
  /// itself.
  result<void> finish() const;

 private:
  void put(std::string_view id, route_handler handler);

  router<endpoint>& routes_;
  bindings bindings_;
  result<void> outcome_;
};

}  // namespace sm
