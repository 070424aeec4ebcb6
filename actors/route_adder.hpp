// What the routes of the management API share: reading requests, and adding routes to the table.
#pragma once

#include <chrono>
#include <sm/http.hpp>
#include <string>

#include "gateway.hpp"

namespace sm {

/// A duration in the query ("timeout=300ms"), or 0 without one; throws `failure`.
std::chrono::milliseconds duration_of(const request& rq, const char* name);

/// A whole number in the query, between `least` and `most`; throws `failure`.
std::size_t number_of(const request& rq, const char* name, std::size_t otherwise,
                      std::size_t least = 0, std::size_t most = 1'000'000'000);

/// Throws `failure` for a name in the query that is none of these: one that is misspelt must not be
/// taken for one that was left out.
void refuse_unknown_query(const request& rq, std::initializer_list<std::string_view> known);

/// The body must be JSON. curl's default type is let through: the token, or the Unix socket,
/// already rules out a foreign page's form.
void check_media_type(const request& rq);

json body_of(const request& rq);
/// Likewise; one that is no object is refused.
json object_of(const request& rq);

/// The body's bytes, known to be JSON: arguments travel on as they came.
std::string arguments_of(const request& rq);

response with_status(unsigned status, const json& document);

/// No cache may keep what changes by the second.
route_handler uncached(route_handler handler);

class route_adder {
 public:
  explicit route_adder(router<endpoint>& routes) : routes_(routes) {}

  template <class F>
  void add(const char* method, const char* pattern, F handler) {
    put(method, pattern, uncached(make_route_handler(std::move(handler))),
        route_access::management);
  }
  /// Without a login, or with one as the settings have it.
  template <class F>
  void add_open(const char* pattern, route_access access, F handler) {
    put("GET", pattern, uncached(make_route_handler(std::move(handler))), access);
  }

  result<void> outcome;  ///< fails when the program defined one of them itself

 private:
  void put(const std::string& method, const char* pattern, route_handler handler,
           route_access access) {
    auto added = routes_.add(method, pattern, {std::move(handler), access, method + " " + pattern});
    if (!added && outcome) outcome = std::move(added);
  }

  router<endpoint>& routes_;
};

}  // namespace sm
