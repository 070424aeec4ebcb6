#include "process/identity.hpp"

#include <grp.h>
#include <pwd.h>

#include <array>
#include <limits>

#include "text/numbers.hpp"

namespace sm {
namespace {

/// The highest of all is nobody: to the system it means "leave it as it is".
template <class Id>
std::optional<Id> as_id(const std::string& text) {
  auto value = parse_integer<Id>(text, 0, std::numeric_limits<Id>::max() - 1);
  return value ? std::optional(*value) : std::nullopt;
}

}  // namespace

result<identity> resolve_identity(const service_spec& spec) {
  identity who;
  std::array<char, 16384> buffer;
  if (!spec.user.empty()) {
    passwd entry{};
    passwd* found = nullptr;
    if (auto number = as_id<uid_t>(spec.user)) {
      who.uid = number;
      ::getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found);
    } else {
      ::getpwnam_r(spec.user.c_str(), &entry, buffer.data(), buffer.size(), &found);
      if (!found) return fail(errc::invalid_spec, "there is no user '" + spec.user + "'", "/user");
      who.uid = found->pw_uid;
    }
    if (!found && spec.user_group.empty())
      return fail(errc::invalid_spec,
                  "user " + spec.user + " has no entry, so it takes a user_group, too", "/user");
    if (found) {
      who.gid = found->pw_gid;
      who.name = found->pw_name;
      who.home = found->pw_dir;
      who.shell = found->pw_shell;
      int count = 64;
      who.groups.resize(static_cast<std::size_t>(count));
      if (::getgrouplist(found->pw_name, found->pw_gid, who.groups.data(), &count) < 0) {
        who.groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(found->pw_name, found->pw_gid, who.groups.data(), &count);
      }
      who.groups.resize(static_cast<std::size_t>(count));
    }
  }
  if (!spec.user_group.empty()) {
    if (auto number = as_id<gid_t>(spec.user_group)) {
      who.gid = number;
    } else {
      group entry{};
      group* found = nullptr;
      ::getgrnam_r(spec.user_group.c_str(), &entry, buffer.data(), buffer.size(), &found);
      if (!found)
        return fail(errc::invalid_spec, "there is no group '" + spec.user_group + "'",
                    "/user_group");
      who.gid = found->gr_gid;
    }
    who.groups = {*who.gid};
  }
  return who;
}

}  // namespace sm
