#include "security/service_scope.hpp"

#include <algorithm>
#include <string>

#include "text/glob.hpp"

namespace sm {
namespace {

/// Calls `f` with each pattern until it returns true.
template <class F>
bool any_pattern(std::string_view scope, F f) {
  for (;;) {
    auto comma = std::min(scope.find(','), scope.size());
    if (f(scope.substr(0, comma))) return true;
    if (comma == scope.size()) return false;
    scope.remove_prefix(comma + 1);
  }
}

/// The text of a member of JSON that we wrote: names have nothing that is escaped, and within
/// another text its quotes would be.
std::string_view member(std::string_view data, std::string_view begin) noexcept {
  auto at = data.find(begin);
  if (at == data.npos) return {};
  auto text = data.substr(at + begin.size());
  return text.substr(0, text.find('"'));
}

}  // namespace

bool in_scope(std::string_view scope, std::string_view name) noexcept {
  if (scope.empty()) return true;
  auto service = name.substr(0, name.find(':'));
  return any_pattern(scope, [&](std::string_view one) { return glob_match(one, service); });
}

bool event_in_scope(std::string_view scope, std::string_view data) noexcept {
  if (scope.empty()) return true;
  auto name = member(data, R"("service":")");
  if (name.empty()) name = member(data, R"("instance":")");
  return !name.empty() && in_scope(scope, name);
}

result<void> check_scope(std::string_view scope) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '*' || c == '?';
  };
  bool wrong = scope.size() > 1000 || any_pattern(scope, [&](std::string_view one) {
                 return one.empty() || !std::all_of(one.begin(), one.end(), fits);
               });
  if (wrong)
    return fail(errc::bad_arguments, "'" + std::string(scope) +
                                         "' is no list of names of services, such as 'web-*,api'");
  return {};
}

}  // namespace sm
