#include "import/systemd_keys.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include "import/foreign.hpp"
#include "process/system_call_groups.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm::ctl {
namespace {

std::string put_span(json& at, const std::string& value) {
  auto span = unit_span(value);
  if (!span) return span.error().detail;
  at = format_duration(*span);
  return {};
}

/// Of a time to wait for, 0 is none.
std::string put_timeout(json& at, const std::string& value) {
  auto span = unit_span(value);
  if (!span) return span.error().detail;
  at = format_duration(span->count() == 0 ? *unit_span("infinity") : *span);
  return {};
}

std::string put_size(json& at, const std::string& value) {
  if (value == "infinity") return {};
  auto size = parse_size(value);
  if (!size) return size.error().detail;
  at = *size;
  return {};
}

template <class T>
std::string put_number(json& at, const std::string& value) {
  if (value == "infinity") return {};
  auto n = parse_integer<T>(value);
  if (!n) return n.error().detail;
  at = *n;
  return {};
}

std::string take_lines(std::vector<exec_line>& to, std::string_view key, const unit& u,
                       const std::string& value) {
  auto lines = exec_lines(value, u.names);
  if (!lines) return lines.error().detail;
  for (auto& line : *lines) line.key = key;
  to.insert(to.end(), lines->begin(), lines->end());
  return {};
}

std::string take_variables(unit& u, const std::string& value) {
  auto words = unit_words(value);
  if (!words) return words.error().detail;
  for (auto& word : *words) {
    auto equals = word.find('=');
    if (equals == word.npos || equals == 0) return in_quotes(word) + " is not NAME=VALUE";
    u.variables[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return {};
}

std::string take_variable_file(unit& u, const std::string& value) {
  if (value.find_first_of("*?[") != value.npos)
    return in_quotes(value) + ": name each file: 'env_file'";
  u.variable_files.push_back(value);
  return {};
}

std::string take_restart(unit& u, const std::string& value) {
  struct row {
    std::string_view word, here, why;
  };
  constexpr row rows[] = {
      {"no", "never", ""},
      {"always", "always", ""},
      {"on-failure", "on-failure", ""},
      {"on-success", "never", "is taken for 'no': nothing starts again for its success alone"},
      {"on-abnormal", "on-failure", "is taken for on-failure: exit codes count, too"},
      {"on-abort", "on-failure", "is taken for on-failure: exit codes count, too"},
      {"on-watchdog", "on-failure", "is taken for on-failure: exit codes count, too"}};
  for (auto& r : rows)
    if (r.word == value) {
      u.spec["restart"] = r.here;
      return std::string(r.why);
    }
  return in_quotes(value) + " is none of systemd's words";
}

std::string take_type(unit& u, const std::string& value) {
  u.one_shot = value == "oneshot";
  u.forks = value == "forking";
  if (value == "notify" || value == "notify-reload") u.spec["ready"]["kind"] = "notify";
  if (value == "dbus") return "dbus: it is ready at once; see 'ready' for tcp, http, notify";
  return {};
}

std::string take_kill_mode(unit& u, const std::string& value) {
  struct row {
    std::string_view word, here, why;
  };
  constexpr row rows[] = {{"control-group", "group", ""},
                          {"mixed", "mixed", ""},
                          {"process", "main", "what it leaves behind ends after 'stop_timeout'"},
                          {"none", "main", "'none' is taken for 'process'"}};
  for (auto& r : rows)
    if (r.word == value) {
      u.spec["kill_mode"] = r.here;
      return std::string(r.why);
    }
  return in_quotes(value) + " is none of systemd's words";
}

/// "~a b" takes both away: "~a", "~b". Each line goes on where the one before it ended.
std::string take_words(json& of, const std::string& value) {
  bool takes = value.starts_with('~');
  std::istringstream words(takes ? value.substr(1) : value);
  if (!of.is_array()) of = json::array();
  for (std::string word; words >> word;) of.push_back((takes ? "~" : "") + word);
  return {};
}

std::string take_capabilities(unit& u, const std::string& value) {
  if (value.empty()) return u.spec["capability_bounding_set"] = json::array({"none"}), "";
  if (value == "~") return u.spec.erase("capability_bounding_set"), "";
  if (auto& before = u.spec["capability_bounding_set"]; before == json::array({"none"})) {
    if (value.starts_with('~')) return {};  // from nothing, nothing is taken
    before = json::array();
  }
  return take_words(u.spec["capability_bounding_set"], value);
}

/// A list of what is allowed that lacks a group would end the program.
std::string take_system_calls(unit& u, const std::string& value) {
  auto before = u.spec.value("system_call_filter", json::array());
  if (value.empty()) return u.spec.erase("system_call_filter"), "";
  auto wanted = before;
  take_words(wanted, value);
  auto items = wanted.get<std::vector<std::string>>();
  auto fits = check_system_calls(items);
  if (!fits) return fits.error().detail + "; say what it may in 'system_call_filter'";
  u.spec["system_call_filter"] = std::move(wanted);
  return {};
}

/// Exit codes that systemd has names for (systemd.exec(5), "Process Exit Codes"): the C library's,
/// the LSB's and the BSD's.
std::optional<int> exit_code_called(const std::string& word) {
  if (auto n = parse_integer<int>(word, 0, 255)) return *n;
  struct row {
    std::string_view name;
    int code;
  };
  constexpr row rows[] = {
      {"SUCCESS", 0},      {"FAILURE", 1},      {"INVALIDARGUMENT", 2}, {"NOTIMPLEMENTED", 3},
      {"NOPERMISSION", 4}, {"NOTINSTALLED", 5}, {"NOTCONFIGURED", 6},   {"NOTRUNNING", 7},
      {"USAGE", 64},       {"DATAERR", 65},     {"NOINPUT", 66},        {"NOUSER", 67},
      {"NOHOST", 68},      {"UNAVAILABLE", 69}, {"SOFTWARE", 70},       {"OSERR", 71},
      {"OSFILE", 72},      {"CANTCREAT", 73},   {"IOERR", 74},          {"TEMPFAIL", 75},
      {"PROTOCOL", 76},    {"NOPERM", 77},      {"CONFIG", 78}};
  for (auto& r : rows)
    if (r.name == word) return r.code;
  return std::nullopt;
}

std::string take_exit_codes(unit& u, const std::string& value) {
  auto& codes = u.spec["success_exit_codes"];
  if (codes.is_null()) codes = {0};
  std::string others;
  for (auto& word : parts_of(value, " \t")) {
    auto code = exit_code_called(word);
    auto signal = word.substr(word.starts_with("SIG") ? 3 : 0);
    bool clean = signal == "TERM" || signal == "HUP" || signal == "INT" || signal == "PIPE";
    if (code && std::find(codes.begin(), codes.end(), *code) == codes.end()) codes.push_back(*code);
    if (!code && !clean) others += (others.empty() ? "" : ", ") + word;
  }
  return others.empty() ? "" : others + ": ends by TERM, HUP, INT and PIPE alone are clean";
}

std::string take_prevented(unit& u, const std::string& value) {
  auto why = take_exit_codes(u, value);
  return why.empty()
             ? "counts as success here, which 'on-failure' does not start again; 'always' does"
             : why;
}

std::string take_folder(unit& u, const std::string& value) {
  if (value.find('~') != value.npos) return in_quotes(value) + ": write the folder itself";
  u.spec["directory"] = value.starts_with('-') ? value.substr(1) : value;
  return value.starts_with('-') ? "'-': it has to be there" : "";
}

std::string take_pause(unit& u, const std::string& value) {
  auto span = unit_span(value);
  if (!span) return span.error().detail;
  auto text = format_duration(std::max(*span, std::chrono::milliseconds(1)));
  u.spec["backoff"] = {{"min", text}, {"max", text}, {"factor", 1}, {"jitter", 0}};
  return {};
}

std::string take_burst(unit& u, const std::string& value) {
  auto n = parse_integer<unsigned>(value, 0, 1'000'000);
  if (!n) return n.error().detail;
  // The first of so many starts is no restart.
  u.spec["intensity"]["restarts"] = *n == 0 ? 1'000'000U : *n - 1;
  return {};
}

std::string take_window(unit& u, const std::string& value) {
  auto span = unit_span(value);
  if (!span) return span.error().detail;
  if (span->count() == 0)
    u.spec["intensity"] = {{"restarts", 1'000'000}};
  else
    u.spec["intensity"]["window"] = format_duration(*span);
  return {};
}

std::string take_reload(unit& u, const std::string& value) {
  auto words = unit_words(value);
  for (std::size_t i = 1; words && i + 1 < words->size(); ++i) {
    auto signal = (*words)[i];
    if (signal == "-s") signal = (*words)[i + 1];
    signal.erase(0, std::min(signal.find_first_not_of('-'), signal.size()));
    if (signal.starts_with("SIG")) signal.erase(0, 3);
    if (words->front().ends_with("kill"))
      return "'smctl signal " + signal + " " + as_name(u.names.name) +
             "' does that; 'smctl reload' replaces its processes";
  }
  return "'smctl reload' replaces its processes, one after another";
}

template <int N>
std::string take_limit(unit& u, const std::string& value) {
  constexpr std::string_view names[] = {"as",      "core",   "cpu",   "data",  "fsize",
                                        "memlock", "nofile", "nproc", "stack", "sigpending"};
  auto colon = value.find(':');
  auto limit = colon == value.npos ? value : value.substr(colon + 1);
  u.spec["rlimits"][std::string(names[N])] = limit == "infinity" ? "unlimited" : limit;
  return colon == value.npos || value.substr(0, colon) == limit
             ? ""
             : "the soft limit is the hard one here";
}

std::string take_others(std::string_view relation, unit& u, const std::string& value) {
  for (auto& other : parts_of(value, " \t")) u.others.emplace_back(relation, other);
  return {};
}

std::string take_output(unit&, const std::string& value) {
  for (auto* word : {"journal", "inherit", "syslog", "journal+console", "kmsg"})
    if (value == word) return {};
  return in_quotes(value) + ": what a service prints is in its log, see 'smctl logs'";
}

constexpr std::string_view confined =
    "is not done here; let the command do it (bwrap, setpriv), or keep it a unit";
constexpr std::string_view folders =
    "is not made here; make it before, for instance by systemd-tmpfiles";
constexpr std::string_view at_the_end = "nothing is run when it ends";
constexpr std::string_view conditions = "nothing is asked before a start";
constexpr std::string_view of_smd = "is up to the unit of smd";

const unit_key of_unit[] = {
    {"Description", [](unit& u, auto& v) { return u.spec["about"] = v, std::string(); }},
    {"Documentation"},
    {"DefaultDependencies"},
    {"After", [](unit& u, auto& v) { return take_others("After", u, v); }},
    {"Before", [](unit& u, auto& v) { return take_others("Before", u, v); }},
    {"Wants", [](unit& u, auto& v) { return take_others("Wants", u, v); }},
    {"Requires", [](unit& u, auto& v) { return take_others("Requires", u, v); }},
    {"Requisite", [](unit& u, auto& v) { return take_others("Requires", u, v); }},
    {"BindsTo", [](unit& u, auto& v) { return take_others("Requires", u, v); }},
    {"PartOf", nullptr, "is stopped and started with nobody else; see [group.NAME]"},
    {"Conflicts",
     [](unit&, auto& v) {
       return v == "shutdown.target" ? ""  // which every service has by itself
                                     : std::string("who runs is said by the configuration alone");
     }},
    {"Condition*", nullptr, conditions},
    {"Assert*", nullptr, conditions},
    {"OnFailure*", nullptr, "follow 'smctl events -f'"},
    {"OnSuccess*", nullptr, "follow 'smctl events -f'"},
    {"FailureAction", nullptr, "the system goes on, whoever fails"},
    {"SuccessAction", nullptr, "the system goes on, whoever ends"},
    {"RefuseManual*", nullptr, "who may use smctl may start and stop all"},
    {"*Isolate"},  // there are no targets
    {"RequiresMountsFor", nullptr, of_smd},
    {"StartLimitInterval*", take_window},
    {"StartLimitBurst", take_burst},
    {"StartLimitAction", nullptr, of_smd},
};

const unit_key of_service[] = {
    {"Type", take_type},
    {"ExecStart", [](unit& u, auto& v) { return take_lines(u.lines, "ExecStart", u, v); }},
    {"ExecStartPre", [](unit& u, auto& v) { return take_lines(u.before, "ExecStartPre", u, v); }},
    {"ExecCondition", nullptr, conditions},
    {"ExecStartPost", nullptr, "nothing is run when it is ready"},
    {"ExecReload", take_reload},
    {"ExecStop", nullptr, "it is stopped by 'stop_signal'"},
    {"ExecStopPost", nullptr, at_the_end},
    {"RemainAfterExit", nullptr, "it is EXITED when it has ended, whatever it did"},
    {"PIDFile",
     [](unit& u, auto& v) {
       return u.spec["pid_file"] = v.starts_with('/') ? v : "/run/" + v, std::string();
     }},
    {"GuessMainPID"},
    {"BusName", nullptr, "nothing is awaited on a bus"},
    {"NotifyAccess"},
    {"Restart", take_restart},
    {"RestartSec", take_pause},
    {"RestartMaxDelaySec", [](unit& u, auto& v) { return put_span(u.spec["backoff"]["max"], v); }},
    {"RestartPreventExitStatus", take_prevented},
    {"RestartForceExitStatus", nullptr, "see 'success_exit_codes'"},
    {"SuccessExitStatus", take_exit_codes},
    {"StartLimitInterval*", take_window},
    {"StartLimitBurst", take_burst},
    {"TimeoutSec",
     [](unit& u, auto& v) {
       auto why = put_timeout(u.spec["start_timeout"], v);
       return why.empty() ? put_timeout(u.spec["stop_timeout"], v) : why;
     }},
    {"TimeoutStartSec", [](unit& u, auto& v) { return put_timeout(u.spec["start_timeout"], v); }},
    {"TimeoutStopSec", [](unit& u, auto& v) { return put_timeout(u.spec["stop_timeout"], v); }},
    {"TimeoutAbortSec", nullptr, "'stop_timeout' is for every stop"},
    {"RuntimeMaxSec", nullptr, "it runs for as long as it likes"},
    {"WatchdogSec", [](unit& u, auto& v) { return put_span(u.spec["watchdog"], v); }},
    {"KillMode", take_kill_mode},
    {"KillSignal", [](unit& u, auto& v) { return u.spec["stop_signal"] = v, std::string(); }},
    {"SendSIGKILL",
     [](unit&, auto& v) {
       return is_true(v) ? "" : std::string("SIGKILL always comes in the end");
     }},
    {"SendSIGHUP", nullptr, "one signal is sent: 'stop_signal'"},
    {"RestartKillSignal", nullptr, "one signal is sent: 'stop_signal'"},
    {"Environment", take_variables},
    {"EnvironmentFile", take_variable_file},
    {"PassEnvironment"},  // the manager's variables are inherited, see 'inherit_env'
    {"UnsetEnvironment", nullptr, "say in 'inherit_env' what is inherited"},
    {"WorkingDirectory", take_folder},
    {"User", [](unit& u, auto& v) { return u.spec["user"] = v, std::string(); }},
    {"Group", [](unit& u, auto& v) { return u.spec["user_group"] = v, std::string(); }},
    {"SupplementaryGroups", nullptr, "without a 'user_group' it has all groups of its user"},
    {"DynamicUser", nullptr, "make a user for it, and say 'user'"},
    {"UMask", [](unit& u, auto& v) { return u.spec["umask"] = v, std::string(); }},
    {"Nice", [](unit& u, auto& v) { return put_number<int>(u.spec["nice"], v); }},
    {"LimitAS", take_limit<0>},
    {"LimitCORE", take_limit<1>},
    {"LimitCPU", take_limit<2>},
    {"LimitDATA", take_limit<3>},
    {"LimitFSIZE", take_limit<4>},
    {"LimitMEMLOCK", take_limit<5>},
    {"LimitNOFILE", take_limit<6>},
    {"LimitNPROC", take_limit<7>},
    {"LimitSTACK", take_limit<8>},
    {"LimitSIGPENDING", take_limit<9>},
    {"Limit*", nullptr, "there is no such limit among 'rlimits'"},
    {"MemoryDenyWriteExecute", nullptr, confined},
    {"MemoryMax", [](unit& u, auto& v) { return put_size(u.spec["memory_max"], v); }},
    {"MemoryLimit", [](unit& u, auto& v) { return put_size(u.spec["memory_max"], v); }},
    {"Memory*", nullptr, "'memory_max' alone is there"},
    {"TasksMax", [](unit& u, auto& v) { return put_number<unsigned>(u.spec["tasks_max"], v); }},
    {"CPUWeight", [](unit& u, auto& v) { return put_number<unsigned>(u.spec["cpu_weight"], v); }},
    {"CPU*", nullptr, "'cpu_weight' alone is there"},
    {"IO*", nullptr, "there is no weight of disks"},
    {"OOM*", nullptr, "the kernel decides; 'choom' may stand in front of the command"},
    {"Slice", nullptr, of_smd},
    {"Delegate", nullptr, "it has no control group of its own to fill"},
    {"*Accounting"},
    {"StandardOutput", take_output},
    {"StandardError", take_output},
    {"StandardInput",
     [](unit&, auto& v) { return v == "null" ? "" : std::string("is /dev/null"); }},
    {"Syslog*", nullptr, "its log is called as it is"},
    {"Log*", nullptr, "its log is as it prints"},
    {"RuntimeDirectory*", nullptr, folders},
    {"StateDirectory*", nullptr, folders},
    {"CacheDirectory*", nullptr, folders},
    {"LogsDirectory*", nullptr, folders},
    {"ConfigurationDirectory*", nullptr, folders},
    {"NoNewPrivileges",
     [](unit& u, auto& v) {
       if (is_true(v)) u.spec["no_new_privileges"] = true;
       return std::string();
     }},
    {"PrivateTmp",
     [](unit& u, auto& v) {
       if (is_true(v)) u.spec["private_tmp"] = true;
       return std::string();
     }},
    {"CapabilityBoundingSet", take_capabilities},
    {"SystemCallFilter", take_system_calls},
    {"SystemCallArchitectures",
     [](unit&, auto& v) {
       return v == "native" ? "" : std::string("a filter lets no other than the machine's through");
     }},
    {"SystemCallErrorNumber", nullptr, "what is not allowed ends it by SIGSYS"},
    {"Protect*", nullptr, confined},
    {"Private*", nullptr, confined},
    {"Restrict*", nullptr, confined},
    {"Read*Paths", nullptr, confined},
    {"Read*Directories", nullptr, confined},
    {"InaccessiblePaths", nullptr, confined},
    {"Bind*Paths", nullptr, confined},
    {"*ExecPaths", nullptr, confined},
    {"Device*", nullptr, confined},
    {"IPAddress*", nullptr, confined},
    {"AppArmorProfile", nullptr, confined},
    {"KeyringMode", nullptr, confined},
    {"PAMName", nullptr, "no session is opened for its user"},
    {"TTY*", nullptr, "it has no terminal"},
    {"LoadCredential*", nullptr, "name its file in 'env_file', or as \"file:PATH\" in 'env'"},
    {"SetCredential*", nullptr, "say it in 'env'"},
    {"FileDescriptorStoreMax", nullptr, "descriptors are not kept for it"},
    {"IgnoreSIGPIPE",
     [](unit&, auto& v) { return is_true(v) ? std::string("SIGPIPE is not ignored") : ""; }},
    {"SystemCall*", nullptr, confined},
    {"Capability*", nullptr, confined},
    {"AmbientCapabilities", nullptr, confined},
    {"Lock*", nullptr, confined},
    {"RemoveIPC", nullptr, confined},
    {"Sockets", nullptr, "say 'sockets' for those it gets"},
    {"PermissionsStartOnly", nullptr, "all of it runs as the user"},
};

const unit_key of_install[] = {
    {"WantedBy"},  // what is in the configuration starts with the manager
    {"RequiredBy"},
    {"DefaultInstance"},
    {"Alias", nullptr, "it has one name"},
    {"Also", nullptr, "is not followed: name these files on the command line, too"},
};

}  // namespace

std::span<const unit_key> unit_keys(std::string_view section) {
  if (section == "Unit") return of_unit;
  if (section == "Service") return of_service;
  if (section == "Install") return of_install;
  return {};
}

}  // namespace sm::ctl
