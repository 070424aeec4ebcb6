// Who has a role without a token: users and groups of this host on a Unix socket, and the holders
// of client certificates.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <sm/api_role.hpp>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <vector>

namespace sm {

/// "alice=operator"; "@ops=viewer" is of a group.
struct role_rule {
  std::string who;
  bool group = false;
  api_role role = api_role::viewer;

  friend bool operator==(const role_rule&, const role_rule&) = default;
};

/// Fails with `invalid_spec`, naming the text that is none and `setting`; also for a name that is
/// there twice.
result<std::vector<role_rule>> read_role_rules(std::span<const std::string> texts,
                                               const std::string& setting);

/// How names of a host become numbers; nothing for one that is not there.
struct account_names {
  std::function<std::optional<uid_t>(const std::string&)> user;
  std::function<std::optional<gid_t>(const std::string&)> group;
};

/// The roles of a host's users.
class peer_roles {
 public:
  peer_roles() = default;
  /// Fails with `invalid_spec` and `setting` for two names of one.
  static result<peer_roles> resolve(std::span<const role_rule> rules, const account_names& names,
                                    const std::string& setting);

  /// Those that the host does not know, and that have no role therefore: "user 'bob'". A directory
  /// of users may be away for a while.
  const std::vector<std::string>& unknown() const noexcept { return unknown_; }

  /// A user's own rule counts before those of groups; of several groups, the highest role.
  std::optional<api_role> role_of(uid_t user, std::span<const gid_t> groups) const;

 private:
  std::map<uid_t, api_role> users_;
  std::map<gid_t, api_role> groups_;
  std::vector<std::string> unknown_;
};

/// What a certificate may do, and the name by which it may.
struct named_role {
  std::string name;
  api_role role;
};

/// Of those of a certificate's names that have a rule, the one with the highest role; else its
/// first name, when "*", which stands for every certificate, has one.
std::optional<named_role> role_of_names(std::span<const role_rule> rules,
                                        std::span<const std::string> names);

}  // namespace sm
