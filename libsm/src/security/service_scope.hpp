// Which services a token is good for: some names, of all that there are.
#pragma once

#include <sm/error.hpp>
#include <string_view>

namespace sm {

/// `scope` has globs over the names of services, separated by commas; "" is all of them. `name` is
/// a service's, or an instance's.
bool in_scope(std::string_view scope, std::string_view name) noexcept;

/// Whether an event is about a service, or an instance of one, in the scope; `data` is its JSON.
/// What is about neither is for who may see all.
bool event_in_scope(std::string_view scope, std::string_view data) noexcept;

/// Fails with `bad_arguments` for what could be no name, nor a pattern of some.
result<void> check_scope(std::string_view scope);

}  // namespace sm
