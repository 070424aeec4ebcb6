// Services, their instances and commands as pages show them.
#include <fmt/format.h>

#include <array>
#include <sm/service_spec.hpp>

#include "dashboard/views.hpp"
#include "http/url.hpp"
#include "json_members.hpp"
#include "schema/spec_fields.hpp"
#include "service/service_note.hpp"
#include "text/short_forms.hpp"

namespace sm {
namespace {

constexpr std::array states{"RUNNING",  "STARTING", "BACKOFF", "FATAL",
                            "STOPPING", "STOPPED",  "EXITED"};

std::string dash_for_none(const std::string& text) { return text.empty() ? "–" : text; }

/// By the state, and by whether one that runs is ready.
json state_of(const json& shown) {
  auto state = text_in(shown, "state");
  bool waits = state == "RUNNING" && !flag_in(shown, "ready");
  const char* tone = "quiet";
  if (state == "RUNNING") tone = waits ? "warning" : "good";
  if (state == "FATAL") tone = "bad";
  if (state == "BACKOFF") tone = "warning";
  if (state == "STARTING" || state == "STOPPING") tone = "busy";
  return {{"state", waits ? "RUNNING, not ready" : state}, {"tone", tone}};
}

/// The sum over the instances, or the service's own where it has one.
double usage_of(const json& service, const char* name) {
  auto sum = number_in(service, name);
  for (auto& instance : at(service, "instance_list")) sum += number_in(instance, name);
  return sum;
}

/// What rows of services and of instances have in common.
json process_row(const json& shown) {
  auto row = state_of(shown);
  auto pid = static_cast<std::int64_t>(number_in(shown, "pid"));
  auto memory = usage_of(shown, "memory_bytes"), cpu = usage_of(shown, "cpu_seconds");
  bool runs = text_in(shown, "state") == "RUNNING";
  row["name"] = text_in(shown, "name");
  row["pid"] = pid > 0 ? std::to_string(pid) : "–";
  row["uptime"] = runs ? short_time(static_cast<std::int64_t>(number_in(shown, "uptime_s"))) : "–";
  row["restarts"] = grouped(static_cast<std::uint64_t>(number_in(shown, "restarts")));
  row["memory"] = memory > 0 ? short_size(memory) : "–";
  row["cpu"] = cpu > 0 ? fmt::format("{:.1f} s", cpu) : "–";
  row["note"] = note_of(shown);
  return row;
}

/// The verbs that make sense now.
void add_verbs(json& row, const json& service) {
  bool wanted = text_in(service, "desired") == "running";
  auto state = text_in(service, "state");
  row["api"] = "/v1/services/" + percent_encode(text_in(service, "name"));
  row["may_start"] = !wanted || state == "FATAL" || state == "EXITED";
  row["may_stop"] = wanted;
  row["may_reset"] = state == "FATAL" || state == "BACKOFF";
}

json service_row(const json& service) {
  auto row = process_row(service);
  auto& instances = at(service, "instances");
  row["href"] = page_of_service(text_in(service, "name"));
  row["ready"] =
      fmt::format("{:.0f}/{:.0f}", number_in(instances, "ready"), number_in(instances, "desired"));
  add_verbs(row, service);
  return row;
}

/// Why somebody should look at it; "" for nothing.
std::string attention_of(const json& service) {
  auto state = text_in(service, "state");
  bool wanted = text_in(service, "desired") == "running";
  auto note = note_of(service);
  if (state == "FATAL" || state == "BACKOFF") return note.empty() ? "failed" : note;
  if (!text_in(service, "rollout").empty() && text_in(service, "rollout") != "under way")
    return note;
  if (wanted && !flag_in(service, "ready") && !flag_in(service, "done"))
    return note.empty() ? "not ready" : note;
  if (flag_in(service, "outdated")) return "runs an older build than its file";
  return {};
}

json card(const char* id, const char* label, const std::string& value, const std::string& note,
          const char* href, const char* tone) {
  return {{"id", id},     {"label", label}, {"value", value},
          {"note", note}, {"href", href},   {"tone", tone}};
}

/// "`a`, see [docs](docs.md)" as "a, see docs".
std::string without_markdown(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    auto at = std::min(text.find_first_of("`["), text.size());
    plain += text.substr(0, at);
    text.remove_prefix(at);
    auto middle = text.find("](");
    auto end = text.find(')', std::min(middle, text.size()));
    if (text.starts_with('[') && end != text.npos) {
      plain += text.substr(1, middle - 1);
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      if (text.front() != '`') plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

/// A line for each field of the specification that is not as it is by default: with what it means.
json specification_rows(const json& spec) {
  const service_spec standard;
  auto usual = write_fields(&standard, rows_of<service_spec>());
  json rows = json::array();
  for (auto& field : rows_of<service_spec>()) {
    auto name = std::string(field.name);
    auto value = spec.find(name);
    if (value == spec.end() || (usual.contains(name) && usual[name] == *value)) continue;
    auto doc = without_markdown(field.doc);
    rows.push_back({{"key", name},
                    {"value", value->is_string() ? *value : json(print_json(*value))},
                    {"doc", doc}});
  }
  return rows;
}

json options_of(std::span<const char* const> values, const char* all, const std::string& chosen) {
  json options = json::array({{{"value", ""}, {"label", all}, {"chosen", chosen.empty()}}});
  for (auto* value : values)
    options.push_back({{"value", value}, {"label", value}, {"chosen", chosen == value}});
  return options;
}

}  // namespace

json overview_view(const page_request&, const page_documents& documents) {
  auto& services = at(document_in(documents, "services"), "services");
  std::uint64_t wanted = 0, ready = 0, instances = 0, restarts = 0;
  double memory = 0;
  json attention = json::array();
  for (auto& service : services) {
    wanted += text_in(service, "desired") == "running" && !flag_in(service, "done") ? 1 : 0;
    ready += flag_in(service, "ready") ? 1 : 0;
    instances += static_cast<std::uint64_t>(number_in(at(service, "instances"), "running"));
    restarts += static_cast<std::uint64_t>(number_in(service, "restarts"));
    memory += usage_of(service, "memory_bytes");
    if (auto why = attention_of(service); !why.empty()) {
      auto row = state_of(service);
      row["name"] = text_in(service, "name");
      row["href"] = page_of_service(text_in(service, "name"));
      row["why"] = why;
      attention.push_back(std::move(row));
    }
  }
  // What is worst comes first.
  std::stable_sort(attention.begin(), attention.end(), [](const json& a, const json& b) {
    return (a["tone"] == "bad") > (b["tone"] == "bad");
  });
  auto& queues = document_in(documents, "queues");
  double waiting = 0, running = 0;
  for (auto& queue : at(queues, "queues")) {
    waiting += number_in(queue, "ready");
    running += number_in(queue, "running");
  }
  auto dead = static_cast<std::uint64_t>(number_in(queues, "dead"));
  json cards = json::array();
  cards.push_back(card("services", "Services ready", grouped(ready),
                       "of " + grouped(wanted) + " that shall run", "/ui/services",
                       ready < wanted ? "warning" : "good"));
  cards.push_back(card("instances", "Processes", grouped(instances),
                       grouped(restarts) + " restarts", "/ui/services", ""));
  cards.push_back(
      card("memory", "Memory", short_size(memory), "of all services", "/ui/services", ""));
  if (!queues.is_null()) {
    cards.push_back(card("jobs", "Jobs waiting", grouped(static_cast<std::uint64_t>(waiting)),
                         grouped(static_cast<std::uint64_t>(running)) + " running", "/ui/queues",
                         ""));
    cards.push_back(card("failed", "Failed jobs", grouped(dead), "kept to be looked at",
                         "/ui/failed", dead > 0 ? "warning" : ""));
  }
  auto model = events_model(document_in(documents, "events"));
  model.update(plots_model(document_in(documents, "history")));
  model["cards"] = std::move(cards);
  model["attention_any"] = !attention.empty();
  model["attention"] = std::move(attention);
  model["attention_none"] = at(document_in(documents, "services"), "services").empty()
                                ? "There are no services yet."
                                : "Nothing: all that shall run is ready.";
  model["queue_any"] = !model["plots"].empty();
  model["queue_problem"] = problem_in(documents, "queues");
  return model;
}

json services_view(const page_request& rq, const page_documents& documents) {
  auto& listing = document_in(documents, "services");
  json rows = json::array();
  for (auto& service : at(listing, "services")) rows.push_back(service_row(service));
  auto q = given(rq, "q"), state = given(rq, "state");
  bool narrowed = !q.empty() || !state.empty();
  auto total =
      std::max<std::size_t>(static_cast<std::size_t>(number_in(listing, "total")), rows.size());
  auto next = next_page(rq, "/ui/services", listing);
  auto all = std::string("/ui/services?limit=100000");
  for (auto* name : {"q", "state"})
    if (auto value = given(rq, name); !value.empty())
      all += "&" + std::string(name) + "=" + percent_encode(value);
  auto count = grouped(total) + (total == 1 ? " service" : " services");
  return {{"q", q},
          {"states", options_of(states, "any", state)},
          {"count", rows.size() < total ? grouped(rows.size()) + " of " + count : count},
          {"services_any", !rows.empty()},
          {"services_none", narrowed ? "No service is like that."
                                     : "There are no services yet: smctl add makes one."},
          {"parted", rows.size() < total},
          {"next_any", !next.empty()},
          {"next", next},
          {"all", all},
          {"services", std::move(rows)}};
}

json service_view(const page_request& rq, const page_documents& documents) {
  auto& service = document_in(documents, "service");
  auto model = events_model(document_in(documents, "events"));
  auto row = service_row(service);
  model.update(row);
  json instances = json::array();
  for (auto& instance : at(service, "instance_list")) {
    auto shown = process_row(instance);
    shown["last_exit"] = dash_for_none(text_in(instance, "last_exit"));
    instances.push_back(std::move(shown));
  }
  auto facts = fmt::format("{}, {} ready, {} restarts, wanted {}", text_in(service, "type"),
                           row["ready"].get<std::string>(), row["restarts"].get<std::string>(),
                           text_in(service, "desired"));
  if (auto group = text_in(service, "group"); !group.empty()) facts += ", group " + group;
  auto stream = given(rq, "stream");
  constexpr std::array<const char*, 2> streams{"stdout", "stderr"};
  auto log = documents.find("log");
  model["facts"] = facts;
  model["reason_any"] = !row["note"].get<std::string>().empty();
  model["reason"] = row["note"];
  model["desired"] = static_cast<std::uint64_t>(number_in(at(service, "instances"), "desired"));
  model["instances_any"] = !instances.empty();
  model["instances"] = std::move(instances);
  model["streams"] = options_of(streams, "any", stream);
  model["log"] = log == documents.end() ? ""
                 : log->second ? log->second->is_string() ? log->second->get<std::string>() : ""
                               : "The log cannot be read: " + log->second.error().detail;
  model["commands"] = at(service, "commands").is_array() ? at(service, "commands") : json::array();
  model["commands_any"] = !model["commands"].empty();
  auto origin = text_in(service, "origin");
  model["origin"] = origin == "file"   ? "As the configuration file has it, unless it was changed."
                    : origin == "code" ? "As the program declares it, unless it was changed."
                                       : "As it was added.";
  model["specification"] = specification_rows(at(service, "spec"));
  return model;
}

json commands_view(const page_request& rq, const page_documents&) {
  auto select = given(rq, "select");
  return {{"command", given(rq, "command")}, {"select", select.empty() ? "*" : select}};
}

}  // namespace sm
