// What is decided about a request before its handler: the first line is its target, then come Host,
// Origin, Sec-Fetch-Site and Authorization.
#include "http/guard.hpp"
#include "http/request_head.hpp"
#include "http/router.hpp"
#include "http/url.hpp"

#include "fuzz.hpp"

namespace {

const sm::router<int>& routes() {
  static const auto table = [] {
    sm::router<int> r;
    for (auto* pattern : {"/", "/v1/services", "/v1/services/:name", "/v1/services/:name/:verb",
                          "/v1/jobs/:id", "/files/*path", "/:any/x"})
      (void)r.add("GET", pattern, 1);
    (void)r.add("POST", "/v1/services", 1);
    return r;
  }();
  return table;
}

}  // namespace

SM_FUZZ_TARGET(request_target) {
  using sm::fuzz::must;
  auto target = sm::fuzz::take_line(input);
  auto question = std::min(target.find('?'), target.size());
  auto query = target.substr(std::min(question + 1, target.size()));
  for (auto* method : {"GET", "HEAD", "POST", "BREW"})
    (void)routes().lookup(method, target.substr(0, question));
  for (auto& name : sm::query_names(query)) (void)sm::query_value(query, name);
  (void)sm::query_value(query, "wait");
  must(sm::percent_decode(sm::percent_encode(target)) == std::string(target) ||
           target.find('\0') != target.npos,
       "what is encoded can be decoded");

  if (auto parts = sm::read_target("GET", target)) {
    must(parts->path.starts_with('/'), "a path begins with a slash");
    must(parts->authority.find('@') == parts->authority.npos, "no user information");
  }

  static const auto policy =
      sm::make_guard_policy("127.0.0.1:9501", {.hosts = {"example.test"}}, "0123456789abcdef");
  sm::guard_input rq;
  rq.access = sm::route_access::management;
  rq.safe_method = false;
  rq.host = sm::fuzz::take_line(input);
  rq.origin = sm::fuzz::take_line(input);
  rq.sec_fetch_site = sm::fuzz::take_line(input);
  rq.authorization = sm::fuzz::take_line(input);
  if (!sm::guard(policy, rq))
    must(rq.authorization.ends_with(" 0123456789abcdef"), "who passes has the token");
}
