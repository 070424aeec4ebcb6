// Verbs that show services.
#include <algorithm>
#include <thread>

#include "verbs.hpp"
#include "views.hpp"

#include <sm/service_spec.hpp>

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds poll_first = 50ms, poll_most = 500ms;
constexpr std::chrono::milliseconds final_look = 2s;  // when the time is up

/// The listing with those services alone that `words` mean.
result<json> only(json listing, std::span<const std::string> words, std::vector<selected>* chosen) {
  if (words.empty()) return listing;
  auto names = select_services(listing, words);
  if (!names) return tl::unexpected<error>(names.error());
  json services = json::array();
  for (auto& name : *names)
    for (auto& service : listing.at("services"))
      if (text_in(service, "name") == name.name) services.push_back(service);
  if (chosen) *chosen = std::move(*names);
  return json{{"services", std::move(services)}};
}

int exit_of(const json& listing, bool named) {
  for (auto& service : listing.at("services"))
    if (is_down(service, named)) return exits::not_running;
  return exits::ok;
}

std::string members_of(const session& s, const status_options& options) {
  if (s.as_json()) return {};
  auto members = status_members(options);
  return s.given.operands.empty() ? members : members + ",group,tags";
}

result<int> watch_status(session& s) {
  // Where there is no screen, each change is shown once, as it comes.
  std::optional<full_screen> screen;
  if (s.screen.output && s.screen.input && !s.as_json()) screen.emplace();
  status_options options{s.output == form::wide, s.given.has("instances")};
  std::string last;
  auto client = s.new_client();
  for (;;) {
    auto all = session::services(client, members_of(s, options), clock::now() + 5s);
    std::string text;
    if (all) {
      auto shown = only(std::move(*all), s.given.operands, nullptr);
      if (!shown) {
        if (!screen) return tl::unexpected<error>(shown.error());
        text = shown.error().detail + "\n";
      } else if (s.as_json()) {
        text = json_text_of(*shown, false) + "\n";
      } else {
        text =
            (screen ? counts_line(*shown) + "\n\n" : "") +
            print(status_table(*shown, options), screen ? terminal::width() : 0, s.screen.colour);
      }
    } else {
      if (!screen) return tl::unexpected<error>(all.error());
      text = harmless(all.error().detail) + "; trying again\n\n" + last;
    }
    if (screen)
      screen->draw(text);
    else if (text != last)
      put(text);
    if (all) last = text;
    auto end = clock::now() + 1s;
    while (screen && clock::now() < end) {
      auto key = screen->key(std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()));
      if (key == 'q' || key == 3 || full_screen::interrupted()) return exits::ok;
      if (key == 0) break;
    }
    if (!screen) std::this_thread::sleep_until(end);
  }
}

result<int> status(session& s) {
  if (s.given.has("watch")) return watch_status(s);
  status_options options{s.output == form::wide, s.given.has("instances")};
  auto all = s.services(members_of(s, options));
  if (!all) return tl::unexpected<error>(all.error());
  // Never freed: the process ends with it, and to take it apart first would take as long as to
  // print it.
  static auto& shown = *new auto(only(std::move(*all), s.given.operands, nullptr));
  if (!shown) return tl::unexpected<error>(shown.error());
  if (s.as_json() && !s.quiet())
    s.show(*shown, "services");
  else
    s.show(status_table(*shown, options));
  if (shown->at("services").empty()) s.tell("there are no services");
  return exit_of(*shown, !s.given.operands.empty());
}

result<int> show(session& s) {
  auto names = s.targets();
  if (!names) return tl::unexpected<error>(names.error());
  json documents = json::array();
  for (auto& target : *names) {
    auto one = s.ask(request_for("services.show", {{"name", target.name}}));
    if (!one) return tl::unexpected<error>(one.error());
    documents.push_back(std::move(*one));
  }
  if (s.as_json()) {
    s.show(documents.size() == 1 ? documents[0] : json{{"services", documents}}, "services");
    return exits::ok;
  }
  std::string text;
  for (auto& document : documents)
    text += (text.empty() ? "" : "\n") + service_text(document, s.screen.colour);
  put(text);
  return exits::ok;
}

result<int> cat(session& s) {
  auto names = s.targets();
  if (!names) return tl::unexpected<error>(names.error());
  json specifications = json::array();
  for (auto& target : *names) {
    auto one = s.ask(request_for("services.show", {{"name", target.name}}));
    if (!one) return tl::unexpected<error>(one.error());
    auto spec = one->value("spec", json::object());
    if (!s.given.has("all")) {
      service_spec plain;
      plain.name = text_in(spec, "name");
      plain.type = text_in(spec, "type");
      if (auto command = spec.find("command"); command != spec.end())
        plain.command = command->get<std::vector<std::string>>();
      complete(plain);
      auto defaults = to_json(plain);
      for (auto& [name, value] : defaults.items())
        if (name != "name" && name != "type" && name != "command" && spec.contains(name) &&
            spec[name] == value)
          spec.erase(name);
      if (spec.value("type", "") == program_type) spec.erase("type");
      if (spec.value("command", json::array()).empty()) spec.erase("command");
    }
    specifications.push_back(std::move(spec));
  }
  auto& document = specifications.size() == 1 ? specifications[0] : specifications;
  if (s.output == form::jsonl)
    for (auto& spec : specifications) put(json_text_of(spec, false) + "\n");
  else
    put(json_text_of(document, true) + "\n");
  return exits::ok;
}

bool has_come(const std::string& state, const json* service) {
  if (!service) return state == "gone" || state == "stopped";
  auto present = text_in(*service, "state");
  if (state == "ready")
    return (service->value("ready", false) && present == "RUNNING") ||
           service->value("done", false);
  if (state == "running") return present == "RUNNING";
  if (state == "stopped") return present == "STOPPED" || present == "EXITED" || present == "FATAL";
  return false;
}

result<int> wait(session& s) {
  auto state = s.given.value("for", "ready");
  auto names = s.targets();
  // What is gone before it is waited for is gone.
  if (!names && state == "gone" && names.error().code == errc::unknown_service) return exits::ok;
  if (!names) return tl::unexpected<error>(names.error());
  progress shown(s.screen.errors && !s.quiet(), "waiting for");
  for (auto pause = poll_first;; pause = std::min(pause * 2, poll_most)) {
    bool last = s.left() <= 0ms;
    auto all =
        session::services(s.client(), "ready,done",
                          std::max(s.deadline, std::chrono::steady_clock::now() + final_look));
    if (!all) return tl::unexpected<error>(all.error());
    std::string missing;
    bool fatal = false;
    for (auto& target : *names) {
      auto& list = all->at("services");
      auto there = std::find_if(list.begin(), list.end(),
                                [&](auto& d) { return text_in(d, "name") == target.name; });
      auto* service = there == list.end() ? nullptr : &*there;
      if (has_come(state, service)) continue;
      missing += (missing.empty() ? "" : ", ") + target.name;
      if (service) missing += " (" + text_in(*service, "state") + ")";
      bool will_not = !service || text_in(*service, "state") == "FATAL";
      fatal = fatal || (will_not && (state == "ready" || state == "running"));
    }
    if (missing.empty()) return exits::ok;
    if (fatal) return fail(errc::handler_failed, "will not be " + state + " by itself: " + missing);
    if (last) return fail(errc::timeout, "not " + state + " in time: " + missing);
    shown.show(missing);
    std::this_thread::sleep_for(std::min(pause, s.left()));
  }
}

}  // namespace

void add_service_verbs(handlers& to) {
  to["status"] = status;
  to["show"] = show;
  to["cat"] = cat;
  to["wait"] = wait;
}

}  // namespace sm::ctl
