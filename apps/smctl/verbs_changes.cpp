// Verbs that change services: each is one operation for each service, all at once.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t at_once_max = 16;
// The manager answers every request within http.request_timeout, 60 s by default; who waits longer
// looks again.
constexpr std::chrono::milliseconds change_slack = 5s, look_pause = 250ms, last_look = 2s;

bool is_ready(const json& service) {
  auto& n = service.at("instances");
  return service.value("ready", false) && n.value("ready", 0) >= n.value("desired", 0) &&
         text_in(service, "rollout") != "under way";
}
bool is_stopped(const json& service) {
  auto state = text_in(service, "state");
  return state == "STOPPED" || state == "EXITED" || state == "FATAL";
}

struct change {
  std::string_view operation;
  const char* doing;
  const char* done;
  bool (*reached)(const json& service);  ///< nullptr: "it is gone", or at once
};

const change start_change{"services.start", "starting", "started", is_ready};
const change stop_change{"services.stop", "stopping", "stopped", is_stopped};
const change restart_change{"services.restart", "restarting", "restarted", is_ready};
const change reload_change{"services.reload", "reloading", "reloaded", is_ready};
const change reset_change{"services.reset", "resetting", "reset", nullptr};
const change scale_change{"services.scale", "scaling", "scaled", is_ready};
const change signal_change{"services.signal", "signalling", "signalled", nullptr};
const change remove_change{"services.remove", "removing", "removed", nullptr};

bool takes_wait(const change& c) {
  auto& query = operation_called(c.operation).query;
  return std::any_of(query.begin(), query.end(), [](auto& f) { return f.name == "wait"; });
}

/// Looks until what was asked for has come, or the time is over.
result<json> look_until(session& s, http_client& client, const std::string& name, const change& c) {
  for (;;) {
    // Also when the time is over: to say how far it came.
    auto now = session::ask(client, request_for("services.show", {{"name", name}}),
                            std::max(s.deadline, clock::now() + last_look));
    bool gone = !now && now.error().code == errc::unknown_service;
    if (gone && !c.reached) return json{{"name", name}, {"state", "REMOVED"}};
    if (!now) return now;
    if (c.reached && c.reached(*now)) return now;
    auto state = text_in(*now, "state");
    if (state == "FATAL" || s.left() <= look_pause) {
      auto note = note_of(*now);
      return fail(state == "FATAL" ? errc::handler_failed : errc::timeout,
                  "is " + state + (note.empty() ? "" : ": " + note), name);
    }
    std::this_thread::sleep_for(look_pause);
  }
}

result<json> carry_out(session& s, http_client& client, const std::string& name, const change& c,
                       const std::string& body) {
  named_values query;
  bool waits = takes_wait(c) && !s.given.has("no-wait");
  if (waits)
    query.emplace_back(
        "wait", format_duration(std::clamp(s.left(), std::chrono::milliseconds{1}, wait_max)));
  auto until = std::min(s.deadline, clock::now() + wait_max) + change_slack;
  auto outcome =
      session::ask(client, request_for(c.operation, {{"name", name}}, query, body), until);
  if (outcome || !waits || outcome.error().code != errc::timeout) return outcome;
  return look_until(s, client, name, c);
}

/// Runs `one` for each of `names`, some at a time, and says on the terminal which are under way.
void for_each_at_once(session& s, const std::vector<std::string>& names, const char* doing,
                      const std::function<void(http_client&, std::size_t)>& one) {
  progress shown(s.screen.errors && !s.quiet(), doing);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> ended(names.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t n = 0; n < std::min(at_once_max, names.size()); ++n)
    threads.emplace_back([&] {
      auto client = s.new_client();
      for (std::size_t i; (i = next.fetch_add(1)) < names.size();) {
        one(client, i);
        std::lock_guard lock(mutex);
        ended[i] = true;
        changed.notify_one();
      }
    });
  {
    std::unique_lock lock(mutex);
    auto all = [&] { return std::find(ended.begin(), ended.end(), false) == ended.end(); };
    while (!changed.wait_for(lock, 200ms, all)) {
      std::string open;
      for (std::size_t i = 0; i < names.size(); ++i)
        if (!ended[i]) open += (open.empty() ? "" : ", ") + names[i];
      shown.show(open);
    }
  }
  for (auto& thread : threads) thread.join();
}

result<int> change_all(session& s, const std::vector<std::string>& names, const change& c,
                       const std::string& body = {}) {
  if (s.dry_run()) {
    for (auto& name : names) put("would be " + std::string(c.done) + ": " + harmless(name) + "\n");
    return exits::ok;
  }
  std::vector<result<json>> outcomes(names.size(), json());
  for_each_at_once(s, names, c.doing, [&](http_client& client, std::size_t i) {
    outcomes[i] = carry_out(s, client, names[i], c, body);
  });
  std::vector<int> codes;
  json documents = json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto& outcome = outcomes[i];
    codes.push_back(outcome ? exits::ok : exit_code_of(outcome.error()));
    if (!outcome) {
      s.complain({outcome.error().code, outcome.error().detail, names[i]});
      documents.push_back(
          {{"name", names[i]},
           {"error",
            {{"code", to_string(outcome.error().code)}, {"detail", outcome.error().detail}}}});
      continue;
    }
    documents.push_back(*outcome);
    if (s.as_json()) continue;
    auto state = s.given.has("no-wait") && takes_wait(c) ? text_in(*outcome, "state") : "";
    s.tell(names[i] + ": " + (state.empty() ? c.done : c.doing + (", " + state)));
  }
  if (s.as_json()) s.show({{"services", std::move(documents)}}, "services");
  return exit_code_of(codes);
}

std::vector<std::string> names_of(const std::vector<selected>& chosen) {
  std::vector<std::string> names;
  for (auto& target : chosen) names.push_back(target.name);
  return names;
}

verb_handler plain_change(const change& c) {
  return [&c](session& s) -> result<int> {
    auto chosen = s.targets();
    if (!chosen) return tl::unexpected<error>(chosen.error());
    return change_all(s, names_of(*chosen), c);
  };
}

result<int> stop(session& s) {
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto chosen = select_services(*listing, s.given.operands);
  if (!chosen) return tl::unexpected<error>(chosen.error());
  std::vector<std::string> names;
  bool was_stopped = false;
  for (auto& target : *chosen) {
    auto& list = listing->at("services");
    auto service = std::find_if(list.begin(), list.end(),
                                [&](auto& d) { return text_in(d, "name") == target.name; });
    if (text_in(*service, "desired") != "stopped" || text_in(*service, "state") != "STOPPED") {
      names.push_back(target.name);
    } else if (target.named) {
      was_stopped = true;
      s.tell(target.name + ": was stopped before");
    }
  }
  auto code = change_all(s, names, stop_change);
  return code && *code == exits::ok && was_stopped ? exits::stopped : code;
}

result<int> reload(session& s) {
  auto wanted = s.given.operands;
  if (wanted.empty() && !s.given.has("outdated"))
    return fail(errc::bad_arguments, "needs SERVICE, or --outdated; see 'smctl help reload'");
  if (wanted.empty()) wanted.emplace_back("all");
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto chosen = select_services(*listing, wanted);
  if (!chosen) return tl::unexpected<error>(chosen.error());
  auto names = names_of(*chosen);
  if (s.given.has("outdated")) {
    std::erase_if(names, [&](auto& name) {
      return std::none_of(
          listing->at("services").begin(), listing->at("services").end(),
          [&](auto& d) { return text_in(d, "name") == name && d.value("outdated", false); });
    });
    if (names.empty()) s.tell("none is outdated");
  }
  return change_all(s, names, reload_change);
}

result<int> signal(session& s) {
  auto chosen = s.targets(1);
  if (!chosen) return tl::unexpected<error>(chosen.error());
  return change_all(s, names_of(*chosen), signal_change,
                    print_json({{"signal", s.given.operands.front()}}));
}

result<int> scale(session& s) {
  auto& wanted = s.given.operands.back();
  bool relative = wanted.starts_with('+') || wanted.starts_with('-');
  if (auto n = parse_integer<unsigned>(relative ? wanted.substr(1) : wanted, 0, 1000); !n)
    return fail(errc::bad_arguments,
                in_quotes(wanted) + " is no number of instances: write 4, +2 or -1");
  auto chosen = s.targets(0, 1);
  if (!chosen) return tl::unexpected<error>(chosen.error());
  auto body = relative ? json(wanted) : json(parse_integer<unsigned>(wanted).value());
  return change_all(s, names_of(*chosen), scale_change, print_json({{"instances", body}}));
}

result<int> remove(session& s) {
  auto chosen = s.targets(0, 0, {.prefixes = false});
  if (!chosen) return tl::unexpected<error>(chosen.error());
  auto names = names_of(*chosen);
  std::string listed;
  for (auto& name : names) listed += (listed.empty() ? "" : ", ") + name;
  if (!names.empty())
    if (auto ok = s.confirm("Stop and remove " + listed + "?"); !ok)
      return tl::unexpected<error>(ok.error());
  return change_all(s, names, remove_change);
}

}  // namespace

void add_change_verbs(handlers& to) {
  to["start"] = plain_change(start_change);
  to["stop"] = stop;
  to["restart"] = plain_change(restart_change);
  to["reload"] = reload;
  to["reset"] = plain_change(reset_change);
  to["signal"] = signal;
  to["scale"] = scale;
  to["remove"] = remove;
}

}  // namespace sm::ctl
