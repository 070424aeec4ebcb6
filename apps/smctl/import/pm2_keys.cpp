#include "import/pm2_keys.hpp"

#include <algorithm>
#include <cctype>

#include "import/foreign.hpp"
#include "text/numbers.hpp"
#include "text/units.hpp"

namespace sm::ctl {
namespace {

/// Milliseconds, or "10s", "5m", "1h".
std::string put_time(json& at, const json& value) {
  auto ms = value.is_string() && text_of(value).find_first_not_of("0123456789") == std::string::npos
                ? parse_integer<std::int64_t>(text_of(value), 0)
                : read_integer<std::int64_t>(value, 0);
  if (ms) {
    at = format_duration(std::chrono::milliseconds(std::max<std::int64_t>(*ms, 1)));
    return {};
  }
  auto span = value.is_string()
                  ? parse_duration(text_of(value))
                  : result<std::chrono::milliseconds>(tl::unexpected<error>(ms.error()));
  if (!span) return span.error().detail;
  at = format_duration(*span);
  return {};
}

std::string put_text(json& at, const json& value) {
  if (!value.is_string() && !value.is_number()) return "is no text";
  at = text_of(value);
  return {};
}

std::string take_variables(json& spec, const json& value) {
  if (!value.is_object()) return "is no object";
  // Of an object pm2 makes its JSON, of null "null".
  for (auto& [name, text] : value.items()) spec["env"][name] = text_of(text);
  return {};
}

std::string take_instances(app_reading& a, const json& value) {
  auto number = value.is_string() ? parse_integer<int>(text_of(value)) : read_integer<int>(value);
  if (value == "max" || (number && *number == 0)) {
    a.spec["instances"] = "cores";
    a.instances = 2;
    return {};
  }
  if (!number) return number.error().detail;
  if (*number < 0) {
    a.spec["instances"] = "cores";
    a.instances = 2;
    return "one for each processor but " + std::to_string(-*number) + ": say how many";
  }
  a.instances = static_cast<unsigned>(*number);
  a.spec["instances"] = *number;
  return {};
}

std::string take_memory(app_reading& a, const json& value) {
  auto size = value.is_string() ? parse_size(text_of(value)) : read_integer<std::uint64_t>(value);
  if (!size) return size.error().detail;
  a.spec["memory_max"] = *size;
  return {};
}

std::string take_max_restarts(app_reading& a, const json& value) {
  auto restarts = read_integer<unsigned>(value, 0, 100'000);
  if (!restarts) return restarts.error().detail;
  // Of those that ran for less than min_uptime, in a row.
  json uptime = "1s";
  if (auto given = a.app.find("min_uptime"); given != a.app.end())
    if (auto why = put_time(uptime, *given); !why.empty()) return why;
  auto window = (*restarts + 1) * *parse_duration(text_of(uptime));
  a.spec["intensity"] = {{"restarts", *restarts}, {"window", format_duration(window)}};
  return {};
}

std::string take_stop_codes(app_reading& a, const json& value) {
  auto codes = value.is_array() ? value : json::array({value});
  for (auto& code : codes)
    if (auto n = read_integer<int>(code, 0, 255); !n) return n.error().detail;
  a.spec["success_exit_codes"] = codes;
  a.spec["restart"] = "on-failure";
  return {};
}

std::string take_restart_delay(app_reading& a, const json& value) {
  json pause;
  if (auto why = put_time(pause, value); !why.empty()) return why;
  a.spec["backoff"] = {{"min", pause}, {"max", pause}, {"factor", 1}, {"jitter", 0}};
  return {};
}

std::string take_growing_delay(app_reading& a, const json& value) {
  json pause;
  if (auto why = put_time(pause, value); !why.empty()) return why;
  a.spec["backoff"] = {{"min", pause}, {"max", "15s"}, {"factor", 1.5}};
  return {};
}

/// The port of the instance: the variable's number and that of the instance, where that is a digit
/// more.
std::string take_increment(app_reading& a, const json& value) {
  auto name = text_of(value);
  auto base = parse_integer<unsigned>(a.spec.value("env", json::object()).value(name, ""));
  if (a.instances < 2) return {};
  if (!base || *base % 10 != 0 || a.instances > 10 || a.spec["instances"] == "cores")
    return "each instance gets the same " + name + "; ${SM_INSTANCE_NUMBER} tells them apart";
  a.spec["env"][name] = std::to_string(*base / 10) + variable("SM_INSTANCE_NUMBER");
  return {};
}

constexpr std::string_view of_pm2 = "is for pm2 itself";
constexpr std::string_view no_messages = "there is no channel of node's to it";

const app_key keys[] = {
    {"name"},  // these make the name and the command
    {"script"},
    {"args"},
    {"exec_interpreter"},
    {"node_args"},
    {"cwd"},
    {"env", [](app_reading& a, auto& v) { return take_variables(a.spec, v); }},
    {"namespace",
     [](app_reading& a, auto& v) {
       if (v.is_string() && v != "default") a.spec["group"] = as_name(text_of(v));
       return std::string();
     }},
    {"instances", take_instances},
    {"exec_mode",
     [](app_reading& a, auto& v) {
       bool shares = (v == "cluster" || v == "cluster_mode") && a.instances > 1;
       return shares ? std::string(
                           "instances share no port by themselves: see 'sockets', or give "
                           "each its own by ${SM_INSTANCE_NUMBER}")
                     : std::string();
     }},
    {"increment_var", take_increment},
    {"instance_var",
     [](app_reading& a, auto& v) {
       a.spec["env"][text_of(v)] = variable("SM_INSTANCE_NUMBER");
       return std::string();
     }},
    {"uid", [](app_reading& a, auto& v) { return put_text(a.spec["user"], v); }},
    {"gid", [](app_reading& a, auto& v) { return put_text(a.spec["user_group"], v); }},
    {"autostart",
     [](app_reading& a, auto& v) {
       if (v == false) a.spec["autostart"] = false;
       return std::string();
     }},
    {"stop_exit_codes", take_stop_codes},
    {"autorestart",
     [](app_reading& a, auto& v) {
       if (v == false) a.spec["restart"] = "never";
       return std::string();
     }},
    {"max_memory_restart", take_memory},
    {"min_uptime"},  // of max_restarts
    {"max_restarts", take_max_restarts},
    {"restart_delay", take_restart_delay},
    {"exp_backoff_restart_delay", take_growing_delay},
    {"kill_timeout", [](app_reading& a, auto& v) { return put_time(a.spec["stop_timeout"], v); }},
    {"treekill",
     [](app_reading& a, auto& v) {
       if (v == false) a.spec["kill_mode"] = "mixed";
       return std::string();
     }},
    {"wait_ready",
     [](app_reading&, auto& v) {
       return v == false
                  ? std::string()
                  : "process.send('ready') reaches nobody: see 'ready' for tcp, http, notify";
     }},
    {"listen_timeout", nullptr, "goes with wait_ready: see 'ready' and 'start_timeout'"},
    {"shutdown_with_message", nullptr, no_messages},
    {"watch",
     [](app_reading&, auto& v) {
       return v == false ? std::string()
                         : "files are not watched: 'smctl reload' replaces processes";
     }},
    {"ignore_watch", nullptr, "files are not watched"},
    {"watch_delay", nullptr, "files are not watched"},
    {"watch_options", nullptr, "files are not watched"},
    {"cron_restart", nullptr,
     "nothing is restarted by the clock; let cron run 'smctl restart', or make it a job"},
    {"out_file", nullptr, one_log},
    {"error_file", nullptr, one_log},
    {"log_file", nullptr, one_log},
    {"pid_file", nullptr, "'smctl status' has its pid"},
    {"log_date_format", nullptr, "each line of a log has its time"},
    {"log_type", nullptr, "see 'smctl logs -o jsonl'"},
    {"time"},
    {"merge_logs"},
    {"vizion"},
    {"force", nullptr, of_pm2},
    {"pmx", nullptr, of_pm2},
    {"automation", nullptr, of_pm2},
    {"trace", nullptr, of_pm2},
    {"deep_monitoring", nullptr, of_pm2},
    {"post_update", nullptr, of_pm2},
    {"filter_env", nullptr, "see 'inherit_env'"},
    {"append_env_to_name", nullptr, "its name is as it is"},
    {"source_map_support", nullptr, "say it to node: --enable-source-maps"},
    {"disable_source_map_support"},
    {"disable_logs", nullptr, one_log},
    {"execute_command", nullptr, of_pm2},
    {"install_url", nullptr, of_pm2},
    {"io", nullptr, of_pm2},
    {"username", nullptr, of_pm2},
    {"name_prefix", nullptr, "its name is as it is"},
    {"kill_retry_time"},
    {"disable_trace"},
    {"v8"},
    {"event_loop_inspector"},
    {"windows_hide"},
    {"write"},
};

struct alias_row {
  std::string_view alias, key;
};
constexpr alias_row aliases[] = {{"interpreter", "exec_interpreter"},
                                 {"interpreter_args", "node_args"},
                                 {"out", "out_file"},
                                 {"output", "out_file"},
                                 {"out_log", "out_file"},
                                 {"error", "error_file"},
                                 {"err", "error_file"},
                                 {"err_file", "error_file"},
                                 {"err_log", "error_file"},
                                 {"log", "log_file"},
                                 {"pid", "pid_file"},
                                 {"cron", "cron_restart"},
                                 {"combine_logs", "merge_logs"},
                                 {"user", "uid"}};

}  // namespace

std::span<const app_key> app_keys() { return keys; }

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : print_json(value);
}

std::string app_key_of(const std::string& given) {
  if (given.starts_with("env_")) return given;
  std::string key;
  for (char raw : given) {
    auto c = static_cast<unsigned char>(raw);
    if (std::isupper(c) != 0) key += '_';
    key += static_cast<char>(std::tolower(c));
  }
  for (auto& row : aliases)
    if (row.alias == key) return std::string(row.key);
  return key;
}

}  // namespace sm::ctl
