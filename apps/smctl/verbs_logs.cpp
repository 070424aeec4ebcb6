// Logs and events, as they are and as they come.
#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "http/client/event_reader.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t followed_max = 256;           // streams at a time, each with a thread
constexpr std::chrono::milliseconds silence = 45s;  // three heartbeats
constexpr std::chrono::milliseconds retry_first = 200ms, retry_most = 5s;

/// "\x1b[36m": a colour for each name in turn.
constexpr std::array prefix_colours{"36", "33", "32", "35", "34", "31"};

struct log_source {
  std::string name;
  std::string prefix;  ///< before each line; "" without one
};

std::vector<log_source> sources_of(const session& s, const std::vector<selected>& chosen) {
  std::size_t width = 0;
  for (auto& target : chosen) width = std::max(width, target.name.size());
  bool prefixed = chosen.size() > 1 && !s.given.has("no-prefix") && !s.as_json();
  std::vector<log_source> sources;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::string prefix;
    if (prefixed) {
      auto text = chosen[i].name + std::string(width - chosen[i].name.size(), ' ') + " | ";
      prefix = s.screen.colour ? std::string("\x1b[") + prefix_colours[i % prefix_colours.size()] +
                                     "m" + text + "\x1b[0m"
                               : text;
    }
    sources.push_back({chosen[i].name, prefix});
  }
  return sources;
}

named_values query_of(const session& s) {
  named_values query{{"lines", s.given.value("lines", "100")}};
  if (s.given.has("since")) query.emplace_back("since", s.given.value("since"));
  if (s.given.has("stderr")) query.emplace_back("stream", "stderr");
  if (s.given.has("stdout")) query.emplace_back("stream", "stdout");
  if (s.as_json()) query.emplace_back("format", "json");
  return query;
}

/// On a terminal nothing of a service's own is obeyed; elsewhere its bytes are data.
std::string shown(const session& s, const log_source& source, std::string_view line) {
  return source.prefix + (s.screen.output ? harmless(line, true) : std::string(line)) + "\n";
}

result<int> tail(session& s, const std::vector<log_source>& sources) {
  std::vector<int> codes;
  for (auto& source : sources) {
    auto reply = s.client().ask(request_for("services.logs", {{"name", source.name}}, query_of(s)),
                                s.deadline);
    if (!reply) return tl::unexpected<error>(reply.error());
    if (!reply->ok()) {
      auto e = error_in(*reply);
      s.complain(e);
      codes.push_back(exit_code_of(e));
      continue;
    }
    codes.push_back(exits::ok);
    std::string text;
    for (std::string_view rest = reply->body; !rest.empty();) {
      auto end = std::min(rest.find('\n'), rest.size());
      text += shown(s, source, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    put(text);
  }
  return exit_code_of(codes);
}

/// Follows one source, over restarts of the manager too: then from where it had come to.
void follow_source(session& s, const log_source& source, std::mutex& out, std::atomic<int>& code) {
  auto query = query_of(s);
  query.emplace_back("follow", "1");
  auto client = s.new_client();
  auto pause = retry_first;
  std::string last;  // the cursor behind what has been shown
  for (bool first = true;; first = false) {
    event_reader reader;
    auto request = request_for("services.logs", {{"name", source.name}}, query);
    if (!last.empty()) request.headers.emplace_back("Last-Event-ID", last);
    auto ended = client.follow(request, clock::now() + 10s, silence, [&](std::string_view part) {
      pause = retry_first;
      std::string text;
      reader.feed(part, [&](const received_event& e) {
        text += shown(s, source, e.data);
        return true;
      });
      std::lock_guard lock(out);
      put(text);
      return true;
    });
    auto reason = ended ? error{errc::unavailable, "the stream has ended", {}} : ended.error();
    bool lasting = reason.code != errc::unavailable && reason.code != errc::timeout &&
                   reason.code != errc::shutting_down;
    if (lasting || (first && !ended && s.given.has("no-wait"))) {
      s.complain({reason.code, reason.detail, source.name});
      code = exit_code_of(reason);
      return;
    }
    if (pause == retry_first) s.tell(source.name + ": " + reason.detail + "; trying again");
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, retry_most);
    if (!reader.last_id().empty()) last = reader.last_id();
    query.front().second = "0";  // what was there has been shown
  }
}

result<int> logs(session& s) {
  if (s.given.has("stderr") && s.given.has("stdout"))
    return fail(errc::bad_arguments, "--stderr and --stdout exclude each other");
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto chosen = select_services(*listing, s.given.operands, {.prefixes = true, .instances = true});
  if (!chosen) return tl::unexpected<error>(chosen.error());
  auto sources = sources_of(s, *chosen);
  if (!s.given.has("follow")) return tail(s, sources);
  if (sources.size() > followed_max)
    return fail(errc::bad_arguments, "at most 256 services are followed at a time");
  std::mutex out;
  std::atomic<int> code{exits::ok};
  std::vector<std::thread> threads;
  for (auto& source : sources) threads.emplace_back([&] { follow_source(s, source, out, code); });
  for (auto& thread : threads) thread.join();
  return code.load();
}

std::string event_text(const session& s, const received_event& e) {
  auto data = parse_json(e.data);
  auto document = data ? *data : json(e.data);
  if (s.as_json()) {
    json line{{"index", e.id}, {"type", e.event}, {"data", document}};
    if (auto n = parse_json(e.id); n && n->is_number()) line["index"] = *n;
    return json_text_of(line, false) + "\n";
  }
  return e.id + " " + event_line(e.event, document) + "\n";
}

/// What is held is shown; with --follow, what comes, or all from an index on.
result<int> events(session& s) {
  bool goes_on = s.given.has("follow");
  std::string last = s.given.value("since");
  auto client = s.new_client();
  auto pause = retry_first;
  for (;;) {
    named_values query;
    if (s.given.has("type")) query.emplace_back("type", s.given.value("type"));
    if (!last.empty()) query.emplace_back("since", last);
    if (!goes_on) query.emplace_back("held", "1");
    event_reader reader;
    auto ended = client.follow(request_for("events.follow", {}, query), clock::now() + 10s, silence,
                               [&](std::string_view part) {
                                 pause = retry_first;
                                 std::string text;
                                 reader.feed(part, [&](const received_event& e) {
                                   if (!e.id.empty()) last = e.id;
                                   text += event_text(s, e);
                                   return true;
                                 });
                                 put(text);
                                 return true;
                               });
    if (ended && !goes_on) return exits::ok;
    auto reason = ended ? error{errc::unavailable, "the stream has ended", {}} : ended.error();
    if (!goes_on || (reason.code != errc::unavailable && reason.code != errc::timeout &&
                     reason.code != errc::shutting_down))
      return tl::unexpected<error>(reason);
    if (pause == retry_first) s.tell(reason.detail + "; trying again");
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, retry_most);
  }
}

}  // namespace

void add_log_verbs(handlers& to) {
  to["logs"] = logs;
  to["events"] = events;
}

}  // namespace sm::ctl
