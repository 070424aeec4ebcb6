#include "dashboard/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "http/url.hpp"
#include "json_members.hpp"
#include "text/iso_time.hpp"
#include "text/short_forms.hpp"

namespace sm {

std::string grouped(std::uint64_t number) {
  auto digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string page_of_service(std::string_view name) {
  return "/ui/services/" + percent_encode(name);
}

std::string given(const page_request& rq, std::string_view name) {
  auto value = rq.query.find(name);
  return value == rq.query.end() ? std::string{} : value->second;
}

std::string next_page(const page_request& rq, const std::string& path, const json& listing) {
  auto& next = at(listing, "next");
  if (!next.is_number()) return {};
  auto target = path + "?offset=" + print_json(next);
  for (auto& [name, value] : rq.query)
    if (name != "offset" && !value.empty()) target += "&" + name + "=" + percent_encode(value);
  return target;
}

const json& document_in(const page_documents& documents, std::string_view name) {
  static const json nothing;
  auto found = documents.find(name);
  return found != documents.end() && found->second ? *found->second : nothing;
}

json problem_in(const page_documents& documents, std::string_view name) {
  auto found = documents.find(name);
  if (found == documents.end() || found->second) return nullptr;
  return {{"detail", found->second.error().detail}};
}

std::string utc_time(std::int64_t unix_ms) {
  auto whole = iso_time(std::chrono::system_clock::time_point(std::chrono::milliseconds(unix_ms)));
  return whole.substr(0, 19) + "Z";
}

std::string time_from_now(std::int64_t then_ms, std::int64_t now_ms) {
  if (then_ms <= 0) return "never";
  auto seconds = (then_ms - now_ms) / 1000;
  return seconds > 0 ? "in " + short_time(seconds) : short_time(-seconds) + " ago";
}

namespace {

/// What of an event its other columns do not say.
std::string rest_of(const json& data) {
  if (!data.is_object()) return print_json(data);
  std::string rest;
  auto add = [&](const std::string& text) { rest += (rest.empty() ? "" : " · ") + text; };
  if (auto reason = text_in(data, "reason"); !reason.empty()) add(reason);
  if (data.contains("ready") && text_in(data, "state") == "RUNNING" && !flag_in(data, "ready"))
    add("not ready yet");
  for (auto& [name, value] : data.items()) {
    static constexpr std::array shown{"time", "service", "instance", "state", "reason", "ready"};
    if (std::find(shown.begin(), shown.end(), name) != shown.end()) continue;
    if (name == "restarts" && value == 0) continue;
    add(name + " " + (value.is_string() ? value.get<std::string>() : print_json(value)));
  }
  return rest;
}

const char* tone_of_event(const std::string& state) {
  if (state == "RUNNING") return "good";
  if (state == "FATAL") return "bad";
  if (state == "BACKOFF") return "warning";
  if (state == "STARTING" || state == "STOPPING") return "busy";
  return "quiet";
}

json event_row(const json& event) {
  auto data = at(event, "data");
  auto service = text_in(data, "service");
  auto instance = text_in(data, "instance");
  auto state = text_in(data, "state");
  auto time = text_in(data, "time");
  return {{"index", static_cast<std::uint64_t>(number_in(event, "index"))},
          {"type", text_in(event, "type")},
          {"time", time},
          {"clock", time.size() >= 19 ? time.substr(11, 8) : time},
          {"about", instance.empty() ? service : instance},
          {"href", service.empty() ? std::string{} : page_of_service(service)},
          {"no_href", service.empty()},
          {"state_any", !state.empty()},
          {"state", state},
          {"tone", tone_of_event(state)},
          {"what", rest_of(data)}};
}

std::vector<double> numbers_in(const json& document, const char* name) {
  std::vector<double> numbers;
  for (auto& value : at(document, name))
    numbers.push_back(value.is_number() ? value.get<double>() : 0.0);
  return numbers;
}

/// "0,120 5,80.5 10,0": the newest at the right end, the greatest at the top.
std::string polyline(const std::vector<double>& values, double most) {
  constexpr double width = 600, height = 120;
  std::string points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto x = values.size() < 2
                 ? width
                 : width * static_cast<double>(i) / static_cast<double>(values.size() - 1);
    auto y = most > 0 ? height - height * values[i] / most : height;
    points += fmt::format("{}{:.1f},{:.1f}", i == 0 ? "" : " ", x, y);
  }
  return points;
}

template <class Show>
json plot(const char* title, const std::vector<double>& values, const std::string& from,
          Show show) {
  auto most = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  auto now = values.empty() ? 0 : values.back();
  return {{"title", title},
          {"now", show(now)},
          {"most", show(most)},
          {"from", from},
          {"points", polyline(values, most)},
          {"said", "now " + show(now) + ", at most " + show(most)}};
}

std::string short_seconds(double s) {
  return s < 60 ? fmt::format("{:.3g} s", s) : short_time(std::llround(s));
}

}  // namespace

json events_model(const json& listing) {
  json rows = json::array();
  for (auto& event : at(listing, "events")) rows.push_back(event_row(event));
  std::reverse(rows.begin(), rows.end());
  return {{"events_any", !rows.empty()}, {"events", std::move(rows)}};
}

json plots_model(const json& history) {
  auto step = number_in(history, "step_s");
  auto done = numbers_in(history, "done"), failed = numbers_in(history, "failed");
  if (step <= 0 || done.empty()) return {{"plots", json::array()}};
  for (auto* counts : {&done, &failed})
    for (auto& value : *counts) value /= step;
  auto from = short_time(std::llround(step * static_cast<double>(done.size()))) + " ago";
  auto rate = [](double value) { return fmt::format("{:.3g}/s", value); };
  auto count = [](double value) { return grouped(static_cast<std::uint64_t>(value)); };
  return {{"plots",
           {plot("Done", done, from, rate), plot("Failed", failed, from, rate),
            plot("Waiting", numbers_in(history, "ready"), from, count),
            plot("Oldest waits", numbers_in(history, "latency_s"), from, short_seconds),
            plot("A job takes", numbers_in(history, "took_s"), from, short_seconds)}}};
}

json events_view(const page_request& rq, const page_documents& documents) {
  auto model = events_model(document_in(documents, "events"));
  model["type"] = given(rq, "type");
  model["service"] = given(rq, "service");
  return model;
}

json audit_view(const page_request&, const page_documents& documents) {
  json rows = json::array();
  for (auto& entry : at(document_in(documents, "audit"), "entries")) {
    auto status = static_cast<unsigned>(number_in(entry, "status"));
    auto time = text_in(entry, "ts");
    auto role = text_in(entry, "role");
    rows.push_back(
        {{"number", print_json(at(entry, "n"))},
         {"time", time},
         {"clock", time.size() >= 19 ? time.substr(0, 10) + " " + time.substr(11, 8) : time},
         {"by", text_in(entry, "by") + (role.empty() ? "" : " (" + role + ")")},
         {"operation", text_in(entry, "operation")},
         {"path", text_in(entry, "path")},
         {"state", status < 400 ? "done" : text_in(entry, "code")},
         {"tone", status < 400                     ? "quiet"
                  : status == 401 || status == 403 ? "bad"
                                                   : "warning"},
         {"detail", text_in(entry, "detail")}});
  }
  return {{"entries_any", !rows.empty()}, {"entries", std::move(rows)}};
}

json manager_view(const page_request&, const page_documents& documents) {
  json members = json::array();
  for (auto& [name, value] : document_in(documents, "daemon").items())
    if (name != "start_time" && name != "run")
      members.push_back({{"key", name},
                         {"value", value.is_string() ? value
                                   : value.is_null() ? json("none")
                                                     : json(print_json(value))}});
  json tokens = json::array();
  for (auto& token : at(document_in(documents, "tokens"), "tokens")) {
    auto time = [&](const char* name) {
      auto text = text_in(token, name).substr(0, 19);
      return text.empty() ? std::string("never") : text + "Z";
    };
    auto name = text_in(token, "name");
    tokens.push_back({{"name", name},
                      {"role_of_it", text_in(token, "role")},
                      {"prefix", text_in(token, "prefix")},
                      {"created", time("created")},
                      {"expires", time("expires")},
                      {"last_used", time("last_used")},
                      {"api", "/v1/tokens/" + percent_encode(name)}});
  }
  return {{"members", std::move(members)},
          {"tokens_any", !tokens.empty()},
          {"tokens", std::move(tokens)}};
}

}  // namespace sm
