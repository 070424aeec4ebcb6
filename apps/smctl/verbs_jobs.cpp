// Jobs: stored, listed, dead.
#include <fstream>
#include <iostream>
#include <sstream>

#include "text/units.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t page_max = 1000;
// The manager takes requests of http.body_max, 1 MiB by default.
constexpr std::size_t import_bytes = 512 << 10;

result<int> push(session& s) {
  auto& words = s.given.operands;
  auto argument = read_command_arguments(std::span(words).subspan(1));
  if (!argument) return tl::unexpected<error>(argument.error());
  json body{{"type", words.front()}};
  if (!argument->is_null()) body["argument"] = *argument;
  if (s.given.has("delay")) body["delay"] = format_duration(s.given.duration("delay", 0ms));
  if (s.given.has("id")) body["id"] = s.given.value("id");
  if (s.dry_run()) {
    s.show(body);
    return exits::ok;
  }
  auto rq =
      s.given.has("queue")
          ? request_for("queues.enqueue", {{"queue", s.given.value("queue")}}, {}, print_json(body))
          : request_for("jobs.enqueue", {}, {}, print_json(body));
  auto answer = s.ask(rq);
  if (!answer) return tl::unexpected<error>(answer.error());
  if (s.as_json())
    s.show(*answer);
  else
    put(harmless(text_in(*answer, "id")) + "\n");
  return exits::ok;
}

/// Up to `most` entries of a listing that comes in pages.
result<json> pages(session& s, std::string_view operation, const named_values& captures,
                   const named_values& query, const char* of, std::uint64_t most) {
  json all = json::array();
  for (std::uint64_t offset = 0; all.size() < most;) {
    auto with = query;
    with.emplace_back("offset", std::to_string(offset));
    with.emplace_back("limit", std::to_string(std::min(page_max, most - all.size())));
    auto page = s.ask(request_for(operation, captures, with));
    if (!page) return page;
    for (auto& entry : page->at(of)) all.push_back(std::move(entry));
    auto& next = page->at("next");
    if (!next.is_number_unsigned()) break;
    offset = next.get<std::uint64_t>();
  }
  return json{{of, std::move(all)}};
}

void show_list(session& s, const json& list, const char* of, table (*view)(const json&)) {
  if (s.as_json() && !s.quiet())
    s.show(list, of);
  else
    s.show(view(list));
}

result<int> jobs(session& s) {
  auto most = s.given.number("limit", 100);
  auto state = s.given.value("state", "ready");
  auto queue = s.given.operands.empty() ? "" : s.given.operands.front();
  auto list = !queue.empty() && state == "ready"
                  ? pages(s, "queues.jobs", {{"queue", queue}}, {}, "jobs", most)
                  : pages(s, "jobs.list", {}, {{"state", state}, {"queue", queue}}, "jobs", most);
  if (!list) return tl::unexpected<error>(list.error());
  show_list(s, *list, "jobs", jobs_table);
  return exits::ok;
}

named_values dead_query(const session& s) {
  named_values query;
  for (auto* name : {"queue", "type", "text"})
    if (s.given.has(name)) query.emplace_back(name, s.given.value(name));
  return query;
}

result<int> failed(session& s) {
  if (!s.given.operands.empty()) {
    auto one = s.ask(request_for("failed.show", {{"id", s.given.operands.front()}}));
    if (!one) return tl::unexpected<error>(one.error());
    if (s.as_json())
      s.show(*one);
    else
      put(fields_text(*one));
    return exits::ok;
  }
  auto list = pages(s, "failed.list", {}, dead_query(s), "failed", s.given.number("limit", 100));
  if (!list) return tl::unexpected<error>(list.error());
  show_list(s, *list, "failed", failed_table);
  return exits::ok;
}

/// The body of failed.requeue and failed.remove; nothing for one id.
result<json> dead_selection(const session& s) {
  auto& ids = s.given.operands;
  auto query = dead_query(s);
  if (ids.empty() == query.empty())
    return fail(errc::bad_arguments,
                "say which: ids, `all`, or some of --queue, --type and --text");
  json body = json::object();
  for (auto& [name, value] : query) body[std::string(name)] = value;
  if (ids.size() == 1 && ids[0] == "all")
    body["all"] = true;
  else if (!ids.empty())
    body["ids"] = ids;
  return body;
}

verb_handler act_on_dead(const char* one, const char* many, const char* done, bool destroys) {
  return [=](session& s) -> result<int> {
    auto body = dead_selection(s);
    if (!body) return tl::unexpected<error>(body.error());
    if (destroys)
      if (auto ok = s.confirm("Remove these failed jobs for good?"); !ok)
        return tl::unexpected<error>(ok.error());
    if (s.dry_run()) {
      s.show(*body);
      return exits::ok;
    }
    bool single = body->contains("ids") && s.given.operands.size() == 1;
    auto rq = single ? request_for(one, {{"id", s.given.operands.front()}})
                     : request_for(many, {}, {}, print_json(*body));
    auto answer = s.ask(rq);
    if (!answer) return tl::unexpected<error>(answer.error());
    auto& missing = answer->at("missing");
    if (s.as_json())
      s.show(*answer);
    else
      s.tell(std::to_string(static_cast<std::int64_t>(number_in(*answer, done))) + " " + done);
    for (auto& id : missing)
      s.complain({errc::not_found, "there is no such failed job",
                  id.is_string() ? id.get<std::string>() : print_json(id)});
    return missing.empty() ? exits::ok : exits::failed;
  };
}

result<int> export_jobs(session& s) {
  named_values query;
  if (s.given.has("queue")) query.emplace_back("queue", s.given.value("queue"));
  auto ended = s.client().follow(request_for("jobs.export", {}, query), s.deadline, 30s,
                                 [](std::string_view part) {
                                   put(part);
                                   return true;
                                 });
  if (!ended) return tl::unexpected<error>(ended.error());
  return exits::ok;
}

result<int> import_jobs(session& s) {
  auto& name = s.given.operands.front();
  std::ifstream file;
  if (name != "-") file.open(name, std::ios::binary);
  std::istream& in = name == "-" ? std::cin : file;
  if (!in) return fail(errc::bad_arguments, "cannot read it", name);
  std::uint64_t imported = 0;
  std::size_t number = 0, first = 1;
  std::string body;
  auto send = [&]() -> result<void> {
    if (s.dry_run()) {
      imported += static_cast<std::uint64_t>(std::count(body.begin(), body.end(), '\n'));
      body.clear();
      return {};
    }
    auto answer = s.ask(request_for("jobs.import", {}, {}, std::exchange(body, {})));
    if (!answer)
      return fail(answer.error().code,
                  answer.error().detail + "; of the part from line " + std::to_string(first) +
                      " on; " + std::to_string(imported) + " jobs before it are stored",
                  answer.error().where);
    imported += static_cast<std::uint64_t>(number_in(*answer, "imported"));
    first = number + 1;
    return {};
  };
  for (std::string line; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (body.size() + line.size() > import_bytes && !body.empty())
      if (auto ok = send(); !ok) return tl::unexpected<error>(ok.error());
    body += line + "\n";
  }
  if (!body.empty())
    if (auto ok = send(); !ok) return tl::unexpected<error>(ok.error());
  s.tell(std::to_string(imported) + (s.dry_run() ? " jobs would be imported" : " jobs imported"));
  return exits::ok;
}

}  // namespace

void add_job_verbs(handlers& to) {
  to["queue push"] = push;
  to["queue jobs"] = jobs;
  to["queue failed"] = failed;
  to["queue requeue"] = act_on_dead("failed.requeue_one", "failed.requeue", "requeued", false);
  to["queue drop"] = act_on_dead("failed.remove_one", "failed.remove", "removed", true);
  to["queue export"] = export_jobs;
  to["queue import"] = import_jobs;
}

}  // namespace sm::ctl
