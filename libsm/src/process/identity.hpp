// Whom a program runs as: the user and group of its specification.
#pragma once

#include <sys/types.h>

#include <optional>
#include <sm/service_spec.hpp>
#include <string>
#include <vector>

#include "security/role_rules.hpp"

namespace sm {

struct identity {
  std::optional<uid_t> uid;  ///< nothing: the caller's
  std::optional<gid_t> gid;
  std::vector<gid_t> groups;
  std::string name, home, shell;  ///< of the user's entry; empty without one
};

/// The users and groups of this host, by name or number.
account_names system_accounts();

/// Looks up `user` and `user_group`. Fails with the field when there is no such one.
result<identity> resolve_identity(const service_spec& spec);

}  // namespace sm
