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

/// An entry of the user or group database, read by `read` into a buffer that is large enough.
template <class Entry, class Read>
std::optional<Entry> entry_of(std::vector<char>& buffer, Read read) {
  buffer.resize(16384);
  for (;;) {
    Entry entry{};
    Entry* found = nullptr;
    int outcome = read(&entry, buffer.data(), buffer.size(), &found);
    if (outcome != ERANGE) return found ? std::optional(entry) : std::nullopt;
    if (buffer.size() > (16u << 20)) return std::nullopt;
    buffer.resize(buffer.size() * 2);  // a group may have many members
  }
}

std::optional<passwd> user_called(const std::string& name, std::vector<char>& buffer) {
  return entry_of<passwd>(buffer, [&](auto... to) { return ::getpwnam_r(name.c_str(), to...); });
}
std::optional<group> group_called(const std::string& name, std::vector<char>& buffer) {
  return entry_of<group>(buffer, [&](auto... to) { return ::getgrnam_r(name.c_str(), to...); });
}

}  // namespace

account_names system_accounts() {
  return {[](const std::string& name) -> std::optional<uid_t> {
            if (auto number = as_id<uid_t>(name)) return number;
            std::vector<char> buffer;
            auto found = user_called(name, buffer);
            return found ? std::optional(found->pw_uid) : std::nullopt;
          },
          [](const std::string& name) -> std::optional<gid_t> {
            if (auto number = as_id<gid_t>(name)) return number;
            std::vector<char> buffer;
            auto found = group_called(name, buffer);
            return found ? std::optional(found->gr_gid) : std::nullopt;
          }};
}

result<identity> resolve_identity(const service_spec& spec) {
  identity who;
  std::vector<char> buffer;
  if (!spec.user.empty()) {
    std::optional<passwd> found;
    if (auto number = as_id<uid_t>(spec.user)) {
      who.uid = number;
      found = entry_of<passwd>(buffer, [&](auto... to) { return ::getpwuid_r(*number, to...); });
    } else {
      found = user_called(spec.user, buffer);
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
      auto found = group_called(spec.user_group, buffer);
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
