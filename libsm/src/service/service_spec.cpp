// The JSON form of a specification, and what must hold of one. Long because every field stands
// here: once to be read and written, once to be checked.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>
#include <sm/service_spec.hpp>
#include <tuple>

#include "process/listen_address.hpp"
#include "process/probe.hpp"
#include "process/rlimits.hpp"
#include "service/group_spec.hpp"
#include "system/signal_names.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds type_start_timeout{10'000};
constexpr milliseconds program_start_timeout{90'000};  // systemd's DefaultTimeoutStartSec

struct restart_word {
  restart_policy policy;
  std::string_view word;
};
constexpr std::array restart_words{restart_word{restart_policy::always, "always"},
                                   restart_word{restart_policy::on_failure, "on-failure"},
                                   restart_word{restart_policy::never, "never"}};

struct strategy_word {
  group_strategy strategy;
  std::string_view word;
};
constexpr std::array strategy_words{strategy_word{group_strategy::one_for_one, "one-for-one"},
                                    strategy_word{group_strategy::one_for_all, "one-for-all"},
                                    strategy_word{group_strategy::rest_for_one, "rest-for-one"}};

constexpr std::size_t spec_max = 512 << 10;  // bytes, as JSON

tl::unexpected<error> bad(const std::string& where, std::string detail) {
  return fail(errc::invalid_spec, std::move(detail), where);
}

// -- readers: one per field type, all with the same shape, so that a field is one line of the table

result<void> read(const json& value, std::string& out, const std::string& where) {
  if (!value.is_string()) return bad(where, "must be a string");
  out = value.get<std::string>();
  return {};
}

result<void> read(const json& value, unsigned& out, const std::string& where) {
  auto number = read_integer<unsigned>(value, 0, 1'000'000);
  if (!number) return bad(where, number.error().detail);
  out = *number;
  return {};
}

result<void> read(const json& value, double& out, const std::string& where) {
  if (!value.is_number()) return bad(where, "must be a number");
  out = value.get<double>();
  return {};
}

result<void> read(const json& value, milliseconds& out, const std::string& where) {
  if (!value.is_string()) return bad(where, "must be a duration such as \"1500ms\" or \"2s\"");
  auto parsed = parse_duration(value.get_ref<const std::string&>());
  if (!parsed) return bad(where, parsed.error().detail);
  out = *parsed;
  return {};
}

result<void> read(const json& value, int& out, const std::string& where) {
  auto number = read_integer<int>(value);
  if (!number) return bad(where, number.error().detail);
  out = *number;
  return {};
}

/// A number of bytes, or a size such as "16MiB".
result<void> read(const json& value, std::uint64_t& out, const std::string& where) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  auto size = value.is_string() ? parse_size(value.get_ref<const std::string&>())
                                : read_integer<std::uint64_t>(value, 0, most);
  if (!size) return bad(where, size.error().detail + ", or a text such as \"16MiB\"");
  out = *size;
  return {};
}

result<void> read(const json& value, std::map<std::string, std::string>& out,
                  const std::string& where) {
  if (!value.is_object()) return bad(where, "must be an object");
  out.clear();
  for (auto& entry : value.items()) {
    if (!entry.value().is_string()) return bad(where + pointer_to(entry.key()), "must be a string");
    out[entry.key()] = entry.value().get<std::string>();
  }
  return {};
}

result<void> read(const json& value, json& out, const std::string&) {
  out = value;
  return {};
}

template <class T>
result<void> read(const json& value, std::vector<T>& out, const std::string& where) {
  if (!value.is_array()) return bad(where, "must be an array");
  std::vector<T> all(value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    if (auto ok = read(value[i], all[i], where + "/" + std::to_string(i)); !ok) return ok;
  out = std::move(all);
  return {};
}

result<void> read(const json& value, restart_policy& out, const std::string& where) {
  for (auto& row : restart_words)
    if (value.is_string() && value.get_ref<const std::string&>() == row.word) {
      out = row.policy;
      return {};
    }
  return bad(where, "must be \"always\", \"on-failure\" or \"never\"");
}

result<void> read(const json& value, bool& out, const std::string& where) {
  if (!value.is_boolean()) return bad(where, "must be true or false");
  out = value.get<bool>();
  return {};
}

result<void> read(const json& value, group_strategy& out, const std::string& where) {
  for (auto& row : strategy_words)
    if (value.is_string() && value.get_ref<const std::string&>() == row.word) {
      out = row.strategy;
      return {};
    }
  return bad(where, "must be \"one-for-one\", \"one-for-all\" or \"rest-for-one\"");
}

json write(milliseconds value) { return format_duration(value); }
json write(restart_policy value) { return restart_words[static_cast<std::size_t>(value)].word; }
json write(group_strategy value) { return strategy_words[static_cast<std::size_t>(value)].word; }
template <class T>
json write(const T& value) {
  return value;
}

// -- the fields of each document, listed once for reading, writing and naming the unknown ones

template <class Spec, class F>
void each_field(Spec& s, F f, const service_spec*) {
  f("name", s.name);
  f("type", s.type);
  f("params", s.params);
  f("instances", s.instances);
  f("autostart", s.autostart);
  f("restart", s.restart);
  f("success_exit_codes", s.success_exit_codes);
  f("backoff", s.backoff);
  f("intensity", s.intensity);
  f("start_timeout", s.start_timeout);
  f("stop_timeout", s.stop_timeout);
  f("watchdog", s.watchdog);
  f("stop_signal", s.stop_signal);
  f("after", s.after);
  f("requires", s.requires_);
  f("group", s.group);
  f("tags", s.tags);
  f("log", s.log);
  f("reload", s.reload);
  f("memory_max", s.memory_max);
  f("tasks_max", s.tasks_max);
  f("cpu_weight", s.cpu_weight);
  f("command", s.command);
  f("env", s.env);
  f("env_file", s.env_file);
  f("inherit_env", s.inherit_env);
  f("directory", s.directory);
  f("user", s.user);
  f("user_group", s.user_group);
  f("umask", s.umask);
  f("nice", s.nice);
  f("rlimits", s.rlimits);
  f("ready", s.ready);
  f("health", s.health);
  f("kill_mode", s.kill_mode);
  f("pid_file", s.pid_file);
  f("sockets", s.sockets);
  f("socket_mode", s.socket_mode);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const readiness*) {
  f("kind", s.kind);
  f("delay", s.delay);
  f("target", s.target);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const health_check*) {
  f("kind", s.kind);
  f("target", s.target);
  f("interval", s.interval);
  f("timeout", s.timeout);
  f("failures", s.failures);
  f("grace", s.grace);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const reload_policy*) {
  f("batch", s.batch);
  f("order", s.order);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const log_policy*) {
  f("max_size", s.max_size);
  f("keep", s.keep);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const backoff_policy*) {
  f("min", s.min);
  f("max", s.max);
  f("factor", s.factor);
  f("jitter", s.jitter);
  f("reset_after", s.reset_after);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const intensity_policy*) {
  f("restarts", s.restarts);
  f("window", s.window);
}

template <class Spec, class F>
void each_field(Spec& s, F f, const group_spec*) {
  f("strategy", s.strategy);
  f("intensity", s.intensity);
}

template <class T>
result<void> read_object(const json& document, T& out, const std::string& where);

result<void> read(const json& value, backoff_policy& out, const std::string& where) {
  return read_object(value, out, where);
}
result<void> read(const json& value, intensity_policy& out, const std::string& where) {
  return read_object(value, out, where);
}
result<void> read(const json& value, readiness& out, const std::string& where) {
  return read_object(value, out, where);
}
result<void> read(const json& value, health_check& out, const std::string& where) {
  return read_object(value, out, where);
}
result<void> read(const json& value, reload_policy& out, const std::string& where) {
  return read_object(value, out, where);
}
result<void> read(const json& value, log_policy& out, const std::string& where) {
  return read_object(value, out, where);
}

template <class T>
result<void> read_object(const json& document, T& out, const std::string& where) {
  if (!document.is_object()) return bad(where, "must be an object");
  result<void> outcome;
  std::vector<std::string_view> known;
  std::size_t seen = 0;
  auto field = [&](const char* name, auto& member) {
    known.push_back(name);
    auto entry = document.find(name);
    if (entry == document.end() || !outcome) return;
    ++seen;
    outcome = read(*entry, member, where + "/" + name);
  };
  each_field(out, field, static_cast<const T*>(nullptr));
  if (!outcome || seen == document.size()) return outcome;
  for (auto& entry : document.items())
    if (auto& key = entry.key(); std::find(known.begin(), known.end(), key) == known.end())
      return bad(where + pointer_to(key), "unknown field" + instead_of(key, known));
  return outcome;
}

// -- what no text of a specification may be, whoever wrote it

result<void> check_texts(const std::string& text, const std::string& where) {
  if (auto ok = check_text(text); !ok) return bad(where, ok.error().detail);
  return {};
}
result<void> check_texts(const std::vector<std::string>& texts, const std::string& where) {
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (auto ok = check_texts(texts[i], where + "/" + std::to_string(i)); !ok) return ok;
  return {};
}
result<void> check_texts(const std::map<std::string, std::string>& texts,
                         const std::string& where) {
  for (auto& [key, text] : texts) {
    if (auto ok = check_texts(key, where + pointer_to(key)); !ok) return ok;
    if (auto ok = check_texts(text, where + pointer_to(key)); !ok) return ok;
  }
  return {};
}
template <class T>
result<void> check_texts(const T& value, const std::string& where) {
  result<void> outcome;
  if constexpr (requires {
                  each_field(
                      value, [](auto&&...) {}, &value);
                })
    each_field(
        value,
        [&](const char* name, const auto& member) {
          if (outcome) outcome = check_texts(member, where + "/" + name);
        },
        &value);
  return outcome;
}

// -- how long the document is at most, but for the parameters: it need not be written to know

/// A byte of a text is at most an escape of six.
std::size_t size_at_most(const std::string& text) { return 6 * text.size() + 8; }
std::size_t size_at_most(const std::vector<std::string>& texts) {
  std::size_t size = 0;
  for (auto& text : texts) size += size_at_most(text);
  return size;
}
std::size_t size_at_most(const std::vector<int>& numbers) { return 16 * numbers.size(); }
std::size_t size_at_most(const std::map<std::string, std::string>& texts) {
  std::size_t size = 0;
  for (auto& [key, text] : texts) size += size_at_most(key) + size_at_most(text);
  return size;
}
template <class T>
std::size_t size_at_most(const T& value) {
  std::size_t size = 64;  // of a number, a duration, what surrounds it
  if constexpr (requires {
                  each_field(
                      value, [](auto&&...) {}, &value);
                })
    each_field(
        value,
        [&](const char* name, const auto& member) {
          size += 64 + std::char_traits<char>::length(name) + size_at_most(member);
        },
        &value);
  return size;
}

template <class T>
json write_object(const T& value) {
  json document = json::object();
  each_field(
      value,
      [&](const char* name, const auto& member) {
        if constexpr (requires {
                        each_field(
                            member, [](auto&&...) {}, &member);
                      })
          document[name] = write_object(member);
        else
          document[name] = write(member);
      },
      &value);
  return document;
}

}  // namespace

namespace {

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

result<void> validate_target(const std::string& kind, const std::string& target,
                             const std::string& where) {
  if (kind != "tcp" && kind != "http") return {};
  if (auto parsed = parse_probe_target(kind, target); !parsed)
    return bad(where + "/target", parsed.error().detail);
  return {};
}

result<void> validate_program(const service_spec& s) {
  if (!s.type.empty() && s.type != program_type)
    return bad("/command", "a service is either of a type or a command");
  if (s.command.front().empty()) return bad("/command", "the program's name is empty");
  for (auto& [name, value] : s.env)
    if (name.empty() || name.find('=') != name.npos)
      return bad("/env" + pointer_to(name), "is no name of a variable");
  for (std::size_t i = 0; i < s.env_file.size(); ++i)
    if (!s.env_file[i].starts_with('/') && !s.env_file[i].starts_with("-/"))
      return bad("/env_file/" + std::to_string(i), "must be an absolute path, or '-' and one");
  if (!s.umask.empty() && !parse_integer<unsigned>(s.umask, 0, 0777, 8))
    return bad("/umask", "must be octal from \"000\" to \"777\", not " + in_quotes(s.umask));
  if (s.nice < -20 || s.nice > 19) return bad("/nice", "must be from -20 to 19");
  for (auto& [name, value] : s.rlimits)
    if (auto parsed = parse_rlimit(name, value); !parsed)
      return bad("/rlimits" + pointer_to(name), parsed.error().detail);
  if (!is_one_of(s.ready.kind, {"delay", "notify", "fd", "tcp", "http"}))
    return bad("/ready/kind", "must be \"delay\", \"notify\", \"fd\", \"tcp\" or \"http\"");
  if (!is_one_of(s.health.kind, {"", "tcp", "http"}))
    return bad("/health/kind", "must be \"tcp\" or \"http\", or empty for none");
  if (auto ok = validate_target(s.ready.kind, s.ready.target, "/ready"); !ok) return ok;
  if (auto ok = validate_target(s.health.kind, s.health.target, "/health"); !ok) return ok;
  if (s.health.interval.count() < 1) return bad("/health/interval", "must be at least 1ms");
  if (s.health.timeout.count() < 1) return bad("/health/timeout", "must be at least 1ms");
  if (s.health.failures < 1) return bad("/health/failures", "must be at least 1");
  if (!is_one_of(s.kill_mode, {"mixed", "main", "group"}))
    return bad("/kill_mode", "must be \"mixed\", \"main\" or \"group\"");
  if (!s.pid_file.empty() && !s.pid_file.starts_with('/'))
    return bad("/pid_file", "must be an absolute path");
  return {};
}

}  // namespace

result<void> validate(const service_spec& s) {
  if (auto ok = check_texts(s, ""); !ok) return ok;
  if (s.cpu_weight > 10'000) return bad("/cpu_weight", "must be from 1 to 10000, or 0 for none");
  if (s.reload.batch < 1) return bad("/reload/batch", "must be at least 1");
  if (!is_one_of(s.reload.order, {"auto", "start-first", "stop-first"}))
    return bad("/reload/order", "must be \"auto\", \"start-first\" or \"stop-first\"");
  if (!s.sockets.empty() && s.command.empty())
    return bad("/sockets", "only a service with a command inherits sockets");
  if (s.command.empty() && s.kill_mode != service_spec{}.kill_mode)
    return bad("/kill_mode", "only a service with a command has one");
  if (s.command.empty() && !s.pid_file.empty())
    return bad("/pid_file", "only a service with a command has one");
  if (s.sockets.size() > sockets_max)
    return bad("/sockets", "must be at most " + std::to_string(sockets_max));
  for (auto& address : s.sockets)
    if (auto ok = check_listen_address(address); !ok)
      return bad("/sockets", in_quotes(address) + " " + ok.error().detail);
  if (std::set<std::string>(s.sockets.begin(), s.sockets.end()).size() != s.sockets.size())
    return bad("/sockets", "an address stands there twice");
  if (!parse_integer<unsigned>(s.socket_mode, 0, 0777, 8))
    return bad("/socket_mode",
               "must be octal from \"000\" to \"777\", not " + in_quotes(s.socket_mode));
  if (s.log.max_size < 4096) return bad("/log/max_size", "must be at least 4096 bytes");
  if (s.log.keep > 1000) return bad("/log/keep", "must be at most 1000");
  if (auto ok = check_name(s.name); !ok) return bad("/name", ok.error().detail);
  if (s.type.empty() && s.command.empty())
    return bad("/type", "must not be empty, unless there is a command");
  if (!s.command.empty())
    if (auto ok = validate_program(s); !ok) return ok;
  if (!s.params.is_object()) return bad("/params", "must be an object");
  // It travels to its process in one message, which must be under 1 MiB.
  if (print_json(s.params).size() + size_at_most(s) > spec_max)
    if (auto size = print_json(to_json(s)).size(); size > spec_max)
      return bad(print_json(s.params).size() > size / 2 ? "/params" : "",
                 "makes a specification of " + std::to_string(size) + " bytes, more than " +
                     std::to_string(spec_max));
  if (s.instances > max_instances)
    return bad("/instances", "must be at most " + std::to_string(max_instances));
  if (s.backoff.min.count() < 1) return bad("/backoff/min", "must be at least 1ms");
  if (s.backoff.max < s.backoff.min) return bad("/backoff/max", "must not be less than min");
  if (!std::isfinite(s.backoff.factor) || s.backoff.factor < 1 || s.backoff.factor > 100)
    return bad("/backoff/factor", "must be from 1 to 100");
  if (!(s.backoff.jitter >= 0 && s.backoff.jitter <= 1))
    return bad("/backoff/jitter", "must be from 0 to 1");
  if (s.intensity.window.count() < 1) return bad("/intensity/window", "must be at least 1ms");
  if (s.start_timeout.count() < 1) return bad("/start_timeout", "must be at least 1ms");
  if (s.stop_timeout.count() < 1) return bad("/stop_timeout", "must be at least 1ms");
  if (auto signal = parse_signal(s.stop_signal); !signal)
    return bad("/stop_signal", signal.error().detail);
  for (int code : s.success_exit_codes)
    if (code < 0 || code > 255)
      return bad("/success_exit_codes", std::to_string(code) + " is no exit code (0 to 255)");
  auto names = [&](const std::vector<std::string>& list, const char* where) -> result<void> {
    for (auto& n : list) {
      if (n == s.name) return bad(where, "'" + n + "' cannot depend on itself");
      if (auto ok = check_name(n); !ok) return bad(where, ok.error().detail);
    }
    return {};
  };
  if (auto ok = names(s.after, "/after"); !ok) return ok;
  if (auto ok = names(s.requires_, "/requires"); !ok) return ok;
  if (!s.group.empty())
    if (auto ok = check_name(s.group); !ok) return bad("/group", ok.error().detail);
  for (auto& tag : s.tags)
    if (auto ok = check_name(tag); !ok) return bad("/tags", ok.error().detail);
  return {};
}

void complete(service_spec& spec) {
  bool program = !spec.command.empty();
  if (program && spec.type.empty()) spec.type = program_type;
  if (spec.start_timeout.count() == 0)
    spec.start_timeout = program ? program_start_timeout : type_start_timeout;
}

bool runs_program(const service_spec& spec) noexcept {
  return !spec.command.empty() || spec.type == program_type;
}

bool starts_first(const service_spec& spec) noexcept {
  if (spec.reload.order == "auto") return !spec.sockets.empty() || spec.instances > 1;
  return spec.reload.order == "start-first";
}

json to_json(const service_spec& spec) { return write_object(spec); }

json to_json(const group_spec& group) { return write_object(group); }

result<group_spec> group_from_json(const json& document, group_spec base) {
  if (auto ok = read_object(document, base, ""); !ok)
    return tl::unexpected<error>(std::move(ok.error()));
  if (auto ok = check_name(base.name); !ok) return bad("", ok.error().detail);
  if (base.intensity.window.count() < 1) return bad("/intensity/window", "must be at least 1ms");
  return base;
}

result<service_spec> spec_from_json(const json& document, service_spec base) {
  if (auto ok = read_object(document, base, ""); !ok)
    return tl::unexpected<error>(std::move(ok.error()));
  if (document.contains("start_timeout") && base.start_timeout.count() < 1)
    return bad("/start_timeout", "must be at least 1ms");
  complete(base);
  if (auto ok = validate(base); !ok) return tl::unexpected<error>(std::move(ok.error()));
  return base;
}

namespace {

/// What of a specification a process is made by. A program's adapter stops it, too.
template <class Spec>
auto process_fields(Spec& s) {
  return std::tie(s.type, s.params, s.command, s.env, s.env_file, s.inherit_env, s.directory,
                  s.user, s.user_group, s.umask, s.nice, s.rlimits, s.ready, s.health, s.pid_file,
                  s.log, s.sockets, s.socket_mode, s.memory_max, s.tasks_max, s.cpu_weight);
}

auto adapter_fields(const service_spec& s) {
  return std::tie(s.stop_signal, s.stop_timeout, s.watchdog, s.kill_mode);
}

}  // namespace

bool needs_restart(const service_spec& a, const service_spec& b) {
  return process_fields(a) != process_fields(b) ||
         (!a.command.empty() && adapter_fields(a) != adapter_fields(b));
}

void take_process_fields(service_spec& to, const service_spec& from) {
  process_fields(to) = process_fields(from);
}

}  // namespace sm
