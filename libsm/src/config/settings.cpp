#include <algorithm>
#include <sm/config.hpp>

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

/// Every key once, for reading, listing and naming the unknown ones.
template <class Config, class F>
void each_key(Config& c, F f) {
  f("manager.state", c.manager.state);
  f("manager.log_level", c.manager.log_level);
  f("manager.shutdown_timeout", c.manager.shutdown_timeout);
  f("manager.orphan_grace", c.manager.orphan_grace);
  f("manager.cgroups", c.manager.cgroups);
  f("log.keep_removed", c.log.keep_removed);
  f("http.listen", c.http.listen);
  f("http.hosts", c.http.hosts);
  f("http.origins", c.http.origins);
  f("http.insecure", c.http.insecure);
  f("http.programs", c.http.programs);
  f("http.open_metrics", c.http.open_metrics);
  f("http.header_max", c.http.header_max);
  f("http.body_max", c.http.body_max);
  f("http.bodies_max", c.http.bodies_max);
  f("http.header_timeout", c.http.header_timeout);
  f("http.body_timeout", c.http.body_timeout);
  f("http.idle_timeout", c.http.idle_timeout);
  f("http.request_timeout", c.http.request_timeout);
  f("http.write_timeout", c.http.write_timeout);
  f("http.connections_max", c.http.connections_max);
  f("http.pending_max", c.http.pending_max);
  f("link.commands_max", c.link.commands_max);
  f("link.bytes_max", c.link.bytes_max);
  f("link.command_timeout", c.link.command_timeout);
  f("queue.url", c.queue.url);
  f("queue.url_file", c.queue.url_file);
  f("queue.sync", c.queue.sync);
  f("queue.payload_max", c.queue.payload_max);
  f("queue.lease", c.queue.lease);
  f("queue.enqueue_timeout", c.queue.enqueue_timeout);
  f("queue.cancel_grace", c.queue.cancel_grace);
  f("queue.id_window", c.queue.id_window);
  f("queue.dead_max", c.queue.dead_max);
  f("queue.dead_age", c.queue.dead_age);
  f("queue.replicas", c.queue.replicas);
  f("queue.scheduler_lock_prefix", c.queue.scheduler_lock_prefix);
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
  each_key(c, [&](std::string_view name, auto& member) {
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
  each_key(c,
           [&](const char* name, const auto& member) { rows.emplace_back(name, print(member)); });
  return rows;
}

}  // namespace sm
