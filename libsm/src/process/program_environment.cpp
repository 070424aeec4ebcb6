#include "process/program_environment.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "text/glob.hpp"

namespace sm {
namespace {

/// Names and globs of what describes another process's start: systemd.exec(5), "Environment
/// Variables Set or Propagated by the Service Manager", and what the fork server starts quickly by.
constexpr std::array never_inherited{
    "SM_*",       "NOTIFY_SOCKET",  "WATCHDOG_USEC",    "WATCHDOG_PID",
    "LISTEN_FDS", "LISTEN_PID",     "LISTEN_FDNAMES",   "MAINPID",
    "MANAGERPID", "INVOCATION_ID",  "JOURNAL_STREAM",   "CREDENTIALS_DIRECTORY",
    "FDSTORE",    "LISTEN_PIDFDID", "SYSTEMD_EXEC_PID", "LD_BIND_NOW"};

/// What "*" stands for when the program belongs to another user: nothing that may be a secret.
constexpr std::array harmless{"PATH", "LANG", "LC_*", "TZ", "TERM"};

constexpr std::array of_the_user{"HOME", "USER", "LOGNAME", "SHELL"};

template <class Patterns>
bool matches(const Patterns& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](auto& pattern) { return glob_match(pattern, name); });
}

}  // namespace

std::vector<std::string> program_environment(
    const service_spec& spec, const identity& who, const std::vector<std::string>& inherited,
    const std::vector<std::pair<std::string, std::string>>& given) {
  bool other_user = who.uid.has_value();
  auto wanted = [&](const std::string& name) {
    if (matches(never_inherited, name)) return false;
    if (other_user && matches(of_the_user, name)) return false;
    return std::any_of(spec.inherit_env.begin(), spec.inherit_env.end(), [&](auto& pattern) {
      if (other_user && pattern == "*") return matches(harmless, name);
      return glob_match(pattern, name);
    });
  };
  std::map<std::string, std::string> all;
  for (auto& entry : inherited) {
    auto equals = entry.find('=');
    if (equals == entry.npos) continue;
    if (auto name = entry.substr(0, equals); wanted(name)) all[name] = entry.substr(equals + 1);
  }
  if (!who.name.empty()) {
    all["HOME"] = who.home;
    all["USER"] = all["LOGNAME"] = who.name;
    all["SHELL"] = who.shell.empty() ? "/bin/sh" : who.shell;
  }
  for (auto& [name, value] : spec.env) all[name] = value;
  for (auto& [name, value] : given) all[name] = value;
  std::vector<std::string> list;
  list.reserve(all.size());
  for (auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

}  // namespace sm
