#include <algorithm>
#include <array>
#include <sm/config.hpp>

#include "config/setting_rows.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

result<void> read(std::string_view text, std::string& out) {
  if (auto ok = check_text(text); !ok) return ok;
  out = text;
  return {};
}
result<void> read(std::string_view text, std::filesystem::path& out) {
  if (text.find('\0') != text.npos) return fail(errc::bad_arguments, "a path has no NUL");
  out = text;
  return {};
}
result<void> read(std::string_view text, milliseconds& out) {
  auto value = parse_duration(text);
  if (!value) return tl::unexpected<error>(value.error());
  out = *value;
  return {};
}
result<void> read(std::string_view text, std::uint64_t& out) {
  auto value = parse_size(text);
  if (!value) return tl::unexpected<error>(value.error());
  out = *value;
  return {};
}
result<void> read(std::string_view text, unsigned& out) {
  auto value = parse_integer<unsigned>(text);
  if (!value) return tl::unexpected<error>(value.error());
  out = *value;
  return {};
}
result<void> read(std::string_view text, bool& out) {
  if (text != "true" && text != "false")
    return fail(errc::bad_arguments, in_quotes(text) + " is neither true nor false");
  out = text == "true";
  return {};
}
result<void> read(std::string_view text, std::vector<std::string>& out) {
  out.clear();
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

std::string print(const std::string& value) { return value; }
std::string print(const std::filesystem::path& value) { return value.string(); }
std::string print(milliseconds value) { return format_duration(value); }
std::string print(std::uint64_t value) { return std::to_string(value); }
std::string print(unsigned value) { return std::to_string(value); }
std::string print(bool value) { return value ? "true" : "false"; }
std::string print(const std::vector<std::string>& value) {
  std::string text;
  for (auto& item : value) text += text.empty() ? item : "," + item;
  return text;
}

setting_kind kind_of(const std::string&) { return setting_kind::text; }
setting_kind kind_of(const std::filesystem::path&) { return setting_kind::path; }
setting_kind kind_of(milliseconds) { return setting_kind::duration; }
setting_kind kind_of(std::uint64_t) { return setting_kind::size; }
setting_kind kind_of(unsigned) { return setting_kind::number; }
setting_kind kind_of(bool) { return setting_kind::flag; }
setting_kind kind_of(const std::vector<std::string>&) { return setting_kind::texts; }

/// Every key once with what it means, for reading, listing and naming the unknown ones.
template <class Config, class F>
void each_key(Config& c, F f) {
  f("manager.state", c.manager.state,
    "the state folder; empty for the default place (docs/files.md)");
  f("manager.log_level", c.manager.log_level, "`debug`, `info`, `warn` or `error`");
  f("manager.shutdown_timeout", c.manager.shutdown_timeout,
    "for the whole stop; then everything is killed. As PID 1 of a container 9s, if nothing else is "
    "said");
  f("manager.orphan_grace", c.manager.orphan_grace,
    "how long services wait for the next manager when this one was killed; then they stop");
  f("manager.cgroups", c.manager.cgroups,
    "a control group for instances with a limit (`limits`), for all (`always`) or for none "
    "(`never`)");
  f("log.keep_removed", c.log.keep_removed,
    "how long the logs of a removed service are kept; 0 drops them at once");
  f("http.listen", c.http.listen, "address:port; port 0 takes a free one; empty for no TCP");
  f("http.hosts", c.http.hosts, "names that are accepted in Host besides the loopback ones");
  f("http.origins", c.http.origins,
    "origins of pages that may call, such as `https://app.example`");
  f("http.insecure", c.http.insecure, "allows a listen address that is not a loopback one");
  f("http.programs", c.http.programs, "adding and changing services with a `command` over TCP");
  f("http.open_metrics", c.http.open_metrics,
    "/metrics and /readyz?verbose over TCP without the token");
  f("http.header_max", c.http.header_max, "bytes of a request's header; more is 431");
  f("http.body_max", c.http.body_max, "bytes of a request's body; more is 413");
  f("http.bodies_max", c.http.bodies_max, "bytes of all requests of a listener; more is 503");
  f("http.header_timeout", c.http.header_timeout,
    "from the first byte to the end of the header; then 408");
  f("http.body_timeout", c.http.body_timeout,
    "from the end of the header to that of the body; then 408");
  f("http.idle_timeout", c.http.idle_timeout, "between requests; then the connection is closed");
  f("http.request_timeout", c.http.request_timeout, "for a handler to answer; then 504");
  f("http.write_timeout", c.http.write_timeout,
    "without progress in sending; then the connection is closed");
  f("http.connections_max", c.http.connections_max,
    "connections of each listener; beyond it the longest idle one is closed, or 503");
  f("http.pending_max", c.http.pending_max,
    "requests of each listener and kind of route that wait for their answer; more is 503");
  f("link.commands_max", c.link.commands_max,
    "unanswered commands of a process; more is `overloaded`");
  f("link.bytes_max", c.link.bytes_max, "their bytes; more is `overloaded`");
  f("link.command_timeout", c.link.command_timeout, "of a command that names none");
  f("queue.url", c.queue.url,
    "`sqlite:PATH`, or `redis://...` (docs/queue.md); empty for queue.db in the state folder");
  f("queue.url_file", c.queue.url_file, "a file whose first line is the URL");
  f("queue.sync", c.queue.sync,
    "SQLite: `full`, or `normal`, which may lose the last jobs on power loss");
  f("queue.payload_max", c.queue.payload_max, "bytes of one job");
  f("queue.lease", c.queue.lease, "a consumer that is silent for so long lost its job");
  f("queue.enqueue_timeout", c.queue.enqueue_timeout,
    "for the store to answer; then it is `unavailable`");
  f("queue.cancel_grace", c.queue.cancel_grace,
    "for a job that was asked to end; then it is killed");
  f("queue.id_window", c.queue.id_window, "how long an id of the caller's own means the same job");
  f("queue.dead_max", c.queue.dead_max, "failed jobs that are kept; the oldest go first");
  f("queue.dead_age", c.queue.dead_age, "older failed jobs go");
  f("queue.replicas", c.queue.replicas,
    "Redis: replicas that have a job before it counts as enqueued (WAIT)");
  f("queue.scheduler_lock_prefix", c.queue.scheduler_lock_prefix,
    "RESQUE_SCHEDULER_MASTER_LOCK_PREFIX of the resque-scheduler that shares the database");
}

/// Of a setting that is one of some words.
result<void> check_word(std::string_view key, std::string_view text) {
  static const std::map<std::string_view, std::vector<std::string_view>> words{
      {"manager.log_level", {"debug", "info", "warn", "error"}},
      {"manager.cgroups", {"limits", "always", "never"}},
      {"queue.sync", {"full", "normal"}}};
  auto known = words.find(key);
  if (known == words.end() ||
      std::find(known->second.begin(), known->second.end(), text) != known->second.end())
    return {};
  return fail(errc::bad_arguments,
              in_quotes(text) + " is no value of it" + instead_of(text, known->second));
}

}  // namespace

result<void> set_config_value(config& c, std::string_view key, std::string_view text) {
  bool found = false;
  std::vector<std::string_view> known;
  auto outcome = check_word(key, text);
  each_key(c, [&](std::string_view name, auto& member, const char*) {
    known.push_back(name);
    if (name != key) return;
    found = true;
    if (outcome) outcome = read(text, member);
  });
  if (!found)
    return fail(errc::bad_arguments, "unknown key" + instead_of(key, known), std::string(key));
  if (!outcome) outcome.error().where = key;
  return outcome;
}

result<void> apply_environment(config& c, const char* const* environment) {
  for (auto entry = environment; entry && *entry; ++entry) {
    std::string_view variable = *entry;
    auto equals = variable.find('=');
    auto name = variable.substr(0, equals);
    auto border = name.find("__");
    if (!name.starts_with("SM_") || border == name.npos || equals == variable.npos) continue;
    auto key = std::string(name.substr(3, border - 3)) + "." + std::string(name.substr(border + 2));
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    auto outcome = set_config_value(c, key, variable.substr(equals + 1));
    if (!outcome) {
      outcome.error().where = name;
      return outcome;
    }
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> list_config(const config& c) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (auto& row : setting_rows(c)) rows.emplace_back(row.key, row.value);
  return rows;
}

std::string_view to_string(setting_kind kind) noexcept {
  constexpr std::array<std::string_view, 7> words{"text",   "path", "duration",     "size",
                                                  "number", "flag", "list of texts"};
  return words[static_cast<std::size_t>(kind)];
}

std::vector<setting_row> setting_rows(const config& c) {
  std::vector<setting_row> rows;
  each_key(c, [&](const char* name, const auto& member, const char* doc) {
    rows.push_back({name, kind_of(member), print(member), doc});
  });
  return rows;
}

std::vector<std::string> setting_sections() {
  std::vector<std::string> sections;
  for (auto& row : setting_rows())
    if (auto section = row.key.substr(0, row.key.find('.'));
        sections.empty() || sections.back() != section)
      sections.push_back(section);
  return sections;
}

result<std::string> setting_text(std::string_view key, const json& value) {
  auto rows = setting_rows();
  auto row = std::find_if(rows.begin(), rows.end(), [&](auto& r) { return r.key == key; });
  // Who sets it says that it is unknown.
  if (row == rows.end()) return std::string{};
  auto wrong = [](const std::string& what) { return fail(errc::bad_arguments, "must be " + what); };
  using enum setting_kind;
  switch (row->kind) {
    case flag:
      if (!value.is_boolean()) return wrong("true or false");
      return value.get<bool>() ? "true" : "false";
    case number:
      if (!value.is_number_integer()) return wrong("a whole number");
      return std::to_string(value.get<std::int64_t>());
    case size:
      if (value.is_string()) return value.get<std::string>();
      if (!value.is_number_integer())
        return wrong("a number of bytes, or a text such as \"16MiB\"");
      return std::to_string(value.get<std::int64_t>());
    case duration:
      if (!value.is_string()) return wrong("a duration such as \"1500ms\" or \"2s\"");
      return value.get<std::string>();
    case texts: {
      std::string list;
      if (!value.is_array()) return wrong("a list of texts");
      for (auto& item : value) {
        if (!item.is_string() || item.get_ref<const std::string&>().empty())
          return wrong("a list of texts");
        auto& text = item.get_ref<const std::string&>();
        if (text.find(',') != text.npos) return wrong("a list of texts without commas");
        list += (list.empty() ? "" : ",") + text;
      }
      return list;
    }
    case text:
    case path:
      break;
  }
  if (!value.is_string()) return wrong("a text");
  return value.get<std::string>();
}

}  // namespace sm
