#include "views.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text/texts.hpp"

namespace sm::ctl {
namespace {

std::int64_t whole(const json& document, const char* name) {
  return static_cast<std::int64_t>(number_in(document, name));
}

std::string pid_of(const json& document) {
  auto pid = whole(document, "pid");
  return pid > 0 ? std::to_string(pid) : "-";
}

bool is_running(const json& document) { return text_in(document, "state") == "RUNNING"; }

std::string uptime_of(const json& document) {
  return is_running(document) ? short_time(whole(document, "uptime_s")) : "-";
}

/// The sum over the instances, or the service's own where it has one.
double usage_of(const json& service, const char* name) {
  double sum = number_in(service, name);
  for (auto& i : at(service, "instance_list")) sum += number_in(i, name);
  return sum;
}

std::string state_of(const json& document) {
  auto state = text_in(document, "state");
  auto& ready = at(document, "ready");
  return state == "RUNNING" && ready.is_boolean() && !ready.get<bool>() ? "RUNNING*" : state;
}

std::vector<cell> status_row(const json& d, const std::string& name, const std::string& ready,
                             const status_options& options) {
  auto memory = usage_of(d, "memory_bytes");
  std::vector<cell> row{
      {name, tone::plain},
      {state_of(d), tone_of_state(text_in(d, "state"))},
      {ready},
      {pid_of(d)},
      {uptime_of(d)},
      {std::to_string(whole(d, "restarts"))},
      {memory > 0 ? short_time(static_cast<std::int64_t>(usage_of(d, "cpu_seconds"))) : "-"},
      {memory > 0 ? short_size(memory) : "-"}};
  if (options.wide) {
    row.push_back({text_in(d, "type")});
    row.push_back({text_in(d, "group")});
    row.push_back({text_in(d, "node")});
    row.push_back({text_in(d, "build").substr(0, 12)});
  }
  row.push_back({note_of(d)});
  return row;
}

void add_line(std::string& out, std::string_view label, const std::string& value) {
  if (!value.empty()) out += fmt::format("{:>12}: {}\n", label, harmless(value));
}

std::string joined(const json& list) {
  std::string all;
  for (auto& element : list)
    all += (all.empty() ? "" : ", ") +
           (element.is_string() ? element.get<std::string>() : print_json(element));
  return all;
}

std::string ready_of(const json& service) {
  auto& n = at(service, "instances");
  return fmt::format("{}/{}", whole(n, "ready"), whole(n, "desired"));
}

void add_instance(std::string& out, const json& i, bool colour) {
  out += fmt::format("  {}  {}", harmless(text_in(i, "name")),
                     toned(state_of(i), tone_of_state(text_in(i, "state")), colour));
  if (whole(i, "pid") > 0) out += "  pid " + pid_of(i);
  if (is_running(i)) out += "  up " + uptime_of(i);
  out += fmt::format("  restarts {}", whole(i, "restarts"));
  if (auto memory = number_in(i, "memory_bytes"); memory > 0)
    out += fmt::format("  cpu {:.1f}s  mem {}", number_in(i, "cpu_seconds"), short_size(memory));
  auto note = note_of(i);
  out += (note.empty() ? "" : "  " + harmless(note)) + "\n";
}

void add_fields(std::string& out, const json& value, const std::string& before) {
  for (auto& [name, field] : value.items()) {
    out += before + harmless(name) + ":";
    if (field.is_object() && !field.empty()) {
      out += "\n";
      add_fields(out, field, before + "  ");
      continue;
    }
    out += " " + harmless(field.is_string() ? field.get<std::string>() : print_json(field)) + "\n";
  }
}

std::string ago(double seconds) {
  return seconds <= 0 ? "-" : short_time(static_cast<std::int64_t>(seconds));
}

}  // namespace

tone tone_of_state(std::string_view state) {
  if (state == "RUNNING") return tone::good;
  if (state == "FATAL") return tone::bad;
  if (state == "BACKOFF" || state == "STARTING" || state == "STOPPING") return tone::warning;
  return tone::dim;
}

bool is_down(const json& service, bool named) {
  auto state = text_in(service, "state");
  if (state == "RUNNING") return false;
  if (named) return true;
  if (text_in(service, "desired") != "running") return false;
  auto& n = at(service, "instances");
  bool none_wanted = n.is_object() && whole(n, "desired") == 0 && state == "STOPPED";
  return !none_wanted && !service.value("done", false);
}

std::string status_members(const status_options& options) {
  std::string members =
      "desired,ready,done,instances,restarts,outdated,reason,waits_for,rollout,last_exit,uptime_s,"
      "pid,cpu_seconds,memory_bytes,status_text,instance_list";
  return options.wide ? members + ",type,group,node,build" : members;
}

table status_table(const json& listing, const status_options& options) {
  table t{{{"NAME", 0},
           {"STATE", 0},
           {"READY", 3},
           {"PID", 2, true},
           {"UPTIME", 4, true},
           {"RESTARTS", 6, true},
           {"CPU", 7, true},
           {"MEM", 5, true}},
          {}};
  if (options.wide)
    for (auto* title : {"TYPE", "GROUP", "NODE", "BUILD"}) t.columns.push_back({title, 8});
  t.columns.push_back({"NOTE", 1});
  for (auto& service : at(listing, "services")) {
    t.rows.push_back(status_row(service, text_in(service, "name"), ready_of(service), options));
    if (!options.instances) continue;
    for (auto& i : at(service, "instance_list"))
      t.rows.push_back(status_row(i, "  " + text_in(i, "name"), "", options));
  }
  return t;
}

std::string service_text(const json& s, bool colour) {
  auto state = text_in(s, "state");
  std::string out = fmt::format("{} {}\n", toned(harmless(text_in(s, "name")), tone::bold, colour),
                                toned(state_of(s), tone_of_state(state), colour));
  auto& spec = at(s, "spec");
  add_line(out, "desired", text_in(s, "desired") + ", " + ready_of(s) + " ready");
  add_line(out, "type", text_in(s, "type"));
  add_line(out, "command", joined(at(spec, "command")));
  add_line(out, "group", text_in(s, "group"));
  add_line(out, "tags", joined(at(s, "tags")));
  add_line(out, "note", note_of(s));
  add_line(out, "last exit", text_in(s, "last_exit"));
  add_line(out, "commands", joined(at(s, "commands")));
  if (spec.is_object()) {
    auto restart = text_in(spec, "restart");
    add_line(out, "restart", restart);
    add_line(out, "after", joined(at(spec, "after")));
    add_line(out, "requires", joined(at(spec, "requires")));
    auto origin = text_in(s, "origin");
    add_line(out, "from",
             origin == "file"   ? "the configuration file"
             : origin == "code" ? "the program's code"
                                : "added by hand");
  }
  for (auto& i : at(s, "instance_list")) add_instance(out, i, colour);
  return out;
}

table queues_table(const json& listing) {
  table t{{{"QUEUE", 0},
           {"READY", 0, true},
           {"RUNNING", 2, true},
           {"DELAYED", 3, true},
           {"LATENCY", 1, true},
           {"LIMITS", 5},
           {"NOTE", 4}},
          {}};
  for (auto& q : at(listing, "queues")) {
    auto& limits = at(q, "limits");
    std::string shown;
    if (auto n = whole(limits, "concurrency"); n > 0) shown = fmt::format("{} at a time", n);
    if (auto n = whole(limits, "rate"); n > 0)
      shown += fmt::format("{}{} per {}", shown.empty() ? "" : ", ", n, text_in(limits, "period"));
    bool paused = at(q, "paused") == true || at(listing, "paused") == true;
    t.rows.push_back({{text_in(q, "name")},
                      {std::to_string(whole(q, "ready"))},
                      {std::to_string(whole(q, "running"))},
                      {std::to_string(whole(q, "delayed"))},
                      {fmt::format("{:.1f}s", number_in(q, "latency_s"))},
                      {shown},
                      {paused ? "paused" : "", tone::warning}});
  }
  return t;
}

std::string queue_text(const json& queue) { return fields_text(queue); }

table jobs_table(const json& list) {
  table t{
      {{"ID", 0}, {"QUEUE", 2}, {"STATE", 1}, {"TYPE", 0}, {"ATTEMPT", 4, true}, {"ARGUMENT", 3}},
      {}};
  for (auto& j : at(list, "jobs"))
    t.rows.push_back(
        {{text_in(j, "id")},
         {text_in(j, "queue")},
         {text_in(j, "state")},
         {text_in(j, "type")},
         {std::to_string(whole(j, "attempt"))},
         {at(j, "args").is_null() ? text_in(j, "unreadable") : print_json(at(j, "args"))}});
  return t;
}

table failed_table(const json& list) {
  table t{{{"ID", 0}, {"QUEUE", 2}, {"TYPE", 1}, {"ERROR", 0}}, {}};
  for (auto& j : at(list, "failed")) {
    auto kind = text_in(j, "exception");
    auto words = text_in(j, "error");
    t.rows.push_back(
        {{text_in(j, "id")},
         {text_in(j, "queue")},
         {text_in(j, "type")},
         {kind.empty() || words.empty() ? kind + words : kind + ": " + words, tone::bad}});
  }
  return t;
}

table schedules_table(const json& listing, std::int64_t now_ms) {
  table t{{{"SCHEDULE", 0},
           {"CRON", 1},
           {"TIMEZONE", 4},
           {"TYPE", 2},
           {"NEXT IN", 0, true},
           {"NOTE", 3}},
          {}};
  for (auto& s : at(listing, "schedules")) {
    auto next = whole(s, "next_ms");
    t.rows.push_back(
        {{text_in(s, "name")},
         {text_in(s, "cron")},
         {text_in(s, "timezone")},
         {text_in(s, "type")},
         {next > 0 ? ago(static_cast<double>(std::max<std::int64_t>(next - now_ms, 1000)) / 1000)
                   : "-"},
         {text_in(s, "unreadable"), tone::bad}});
  }
  return t;
}

std::string fields_text(const json& document) {
  if (!document.is_object()) return harmless(print_json(document)) + "\n";
  std::string out;
  add_fields(out, document, "");
  return out;
}

std::string event_line(std::string_view type, const json& data) {
  std::string rest;
  if (data.is_object()) {
    for (auto& [name, value] : data.items())
      if (name != "time")
        rest +=
            " " + name + "=" + (value.is_string() ? value.get<std::string>() : print_json(value));
  } else {
    rest = " " + print_json(data);
  }
  auto time = text_in(data, "time");
  return harmless((time.empty() ? "" : time + " ") + std::string(type) + rest);
}

std::string counts_line(const json& listing) {
  std::map<std::string, int> states;
  int all = 0;
  for (auto& s : at(listing, "services")) ++states[text_in(s, "state")], ++all;
  auto line = fmt::format("{} service{}", all, all == 1 ? "" : "s");
  const char* before = ": ";
  for (auto* state : {"RUNNING", "STARTING", "BACKOFF", "FATAL", "STOPPING", "EXITED", "STOPPED"})
    if (states[state] > 0)
      line += fmt::format("{}{} {}", std::exchange(before, ", "), states[state], state);
  return line;
}

cpu_times cpu_times_of(const json& listing) {
  cpu_times times;
  for (auto& s : at(listing, "services"))
    times[text_in(s, "name") + "/" + pid_of(s)] = usage_of(s, "cpu_seconds");
  return times;
}

table top_table(const json& listing, const cpu_times& before, double seconds,
                std::string_view sort) {
  struct entry {
    const json* service;
    double share, memory;
  };
  std::vector<entry> entries;
  for (auto& s : at(listing, "services")) {
    auto then = before.find(text_in(s, "name") + "/" + pid_of(s));
    double share = 0;
    if (then != before.end() && seconds > 0)
      share = 100 * std::max(0.0, usage_of(s, "cpu_seconds") - then->second) / seconds;
    entries.push_back({&s, share, usage_of(s, "memory_bytes")});
  }
  std::stable_sort(entries.begin(), entries.end(), [&](auto& a, auto& b) {
    if (sort == "mem") return a.memory > b.memory;
    return sort == "cpu" && a.share > b.share;
  });
  table t{{{"NAME", 0},
           {"STATE", 0},
           {"READY", 3},
           {"PID", 2, true},
           {"CPU%", 0, true},
           {"MEM", 0, true},
           {"UPTIME", 4, true},
           {"RESTARTS", 5, true},
           {"NOTE", 1}},
          {}};
  for (auto& [service, share, memory] : entries)
    t.rows.push_back({{text_in(*service, "name")},
                      {state_of(*service), tone_of_state(text_in(*service, "state"))},
                      {ready_of(*service)},
                      {pid_of(*service)},
                      {fmt::format("{:.1f}", share)},
                      {memory > 0 ? short_size(memory) : "-"},
                      {uptime_of(*service)},
                      {std::to_string(whole(*service, "restarts"))},
                      {note_of(*service)}});
  return t;
}

}  // namespace sm::ctl
