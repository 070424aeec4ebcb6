#include "api/management_api.hpp"

#include <unistd.h>

#include "api/dashboard.hpp"
#include "api/gather_stream.hpp"
#include "api/metrics_route.hpp"
#include "api/queue_routes.hpp"
#include "api/route_adder.hpp"
#include "api/token_keeper.hpp"
#include "gateway/request_logs.hpp"
#include "log/process_log.hpp"
#include "queue/job_history.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {

namespace {

using std::chrono::milliseconds;

promise<json_text> wrapped(const promise<json_text>& answer) {
  return answer.transform(
      [](const json_text& text) { return json_text{R"({"result":)" + text.text + "}"}; });
}

/// What a request for a command asks of `target`.
call call_of(const request& rq, std::string_view target) {
  return {.target = std::string(target),
          .command = std::string(rq.capture("command")),
          .arguments = arguments_of(rq),
          .timeout = duration_of(rq, "timeout"),
          .caller = "http",
          .scope = rq.caller().services,
          .request = rq.id()};
}

/// ?lines=100&since=5m&stream=stderr&format=json of a service's logs.
log_query log_query_of(const request& rq, const management_parts& parts) {
  auto name = std::string(rq.capture("name"));
  auto logs = parts.services.logs_of(name);
  if (!logs) throw failure(logs.error());
  log_query q;
  q.lines = std::min<std::size_t>(number_of(rq, "lines", 100), 10'000);
  auto stream = rq.query("stream").value_or("");
  q.as_json = rq.query("format") == "json";
  // What a type prints goes to a file of its own, as it is; what a program prints are lines of its
  // log.
  bool raw = !stream.empty() && !logs->program;
  if (!raw) q.stream = stream;
  if (auto since = duration_of(rq, "since"); since.count() > 0) {
    if (raw) throw failure(errc::bad_arguments, "what it prints has no times", "since");
    q.since = iso_time(std::chrono::system_clock::now() - since);
  }
  if (auto last = rq.header("Last-Event-ID"); !last.empty() && flag_of(rq, "follow")) {
    auto cursor = parse_log_cursor(last);
    if (!cursor) throw failure(errc::bad_arguments, cursor.error().detail, "Last-Event-ID");
    q.from = std::move(*cursor);
    q.since.clear();  // it was about the begin
  }
  for (auto& instance : logs->instances)
    q.files.push_back(parts.log_folder / (instance + (raw ? ".out" : ".log")));
  return q;
}

std::string name_of(const request& rq) { return std::string(rq.capture("name")); }
wait_for wait_of(const request& rq) { return {duration_of(rq, "wait")}; }

/// What is wanted: looked at and changed.
void add_service_routes(route_adder& at, const management_parts& parts) {
  auto* s = &parts.services;
  auto programs = [allowed = parts.programs_over_tcp](const request& rq) {
    return rq.over_tcp() && !allowed ? may_run::no_programs : may_run::anything;
  };
  at.bind("services.list", [s](request& rq) {
    return s->list({rq.query("state").value_or(""), rq.query("q").value_or(""),
                    chosen_members(rq.query("fields").value_or("")), number_of(rq, "offset", 0),
                    number_of(rq, "limit", 0), rq.caller().services});
  });
  at.bind("services.show", [s](request& rq) {
    auto shown = s->show(name_of(rq));
    if (!shown) throw failure(shown.error());
    return std::move(*shown);
  });
  at.bind("services.add", [s, programs](request& rq) {
    return s->change_service(addition(body_of(rq), programs(rq)), {}, rq.caller())
        .transform([](json added) {
          auto r = with_status(201, added);
          r.headers.emplace_back("Location", "/v1/services/" + added["name"].get<std::string>());
          return r;
        });
  });
  at.bind("services.change", [s, programs](request& rq) {
    return s->change_service(patch_service{name_of(rq), body_of(rq), programs(rq)}, wait_of(rq),
                             rq.caller());
  });
  at.bind("services.scale", [s](request& rq) {
    auto body = fields_of(rq, "services.scale");
    if (!body.contains("instances"))
      throw failure(errc::bad_arguments, R"(send {"instances": 4} or {"instances": "+1"})",
                    "/instances");
    return s->change_service(scale_service{name_of(rq), body["instances"]}, wait_of(rq),
                             rq.caller());
  });
  // Changes that are said by a name alone.
  auto bind_change = [&]<class Change>(std::string_view id, Change) {
    at.bind(id, [s](request& rq) {
      return s->change_service(Change{name_of(rq)}, wait_of(rq), rq.caller());
    });
  };
  bind_change("services.remove", remove_service{});
  bind_change("services.start", start_service{});
  bind_change("services.stop", stop_service{});
  bind_change("services.restart", restart_service{});
  bind_change("services.reload", reload_service{});
  bind_change("services.reset", reset_service{});
}

/// What goes to processes: signals and commands.
void add_command_routes(route_adder& at, const management_parts& parts) {
  auto* s = &parts.services;
  at.bind("services.signal", [s](request& rq) {
    auto body = fields_of(rq, "services.signal");
    if (!body.contains("signal") || !body["signal"].is_string())
      throw failure(errc::bad_arguments, R"(send {"signal": "HUP"})", "/signal");
    return s->signal_service(name_of(rq), body["signal"], rq.caller());
  });
  at.bind("services.command", [s](request& rq) {
    return wrapped(s->commands().send(call_of(rq, rq.capture("name"))));
  });
  at.bind("services.gather", [s](request& rq) {
    auto c = call_of(rq, rq.query("select").value_or("*"));
    if (flag_of(rq, "stream")) return stream_gather(s->commands(), c);
    return s->commands().broadcast(c).transform(
        [](json_text gathered) { return to_response(std::move(gathered)); });
  });
}

response readiness_of(const supervisor& services, bool shutting_down, bool verbose) {
  std::string text;
  bool ready = services.ready(&text) && !shutting_down;
  if (shutting_down) text += "[-]manager shutting down\n";
  response r{.status = ready ? 200U : 503U,
             .body = ready ? "ok\n" : "not ready\n",
             .content_type = "text/plain; charset=utf-8"};
  if (verbose) r.body = "[+]gateway ok\n" + (text.empty() ? "[+]services ok\n" : text) + r.body;
  return r;
}

void add_token_routes(route_adder& at, token_keeper& tokens) {
  at.bind("tokens.list", [&tokens] {
    if (auto there = tokens.look(); !there) throw failure(there.error());
    json all = json::array();
    for (auto& token : tokens.tokens().all()) all.push_back(to_json(token));
    return json{{"tokens", std::move(all)}};
  });
  at.bind("tokens.add", [&tokens](request& rq) {
    auto body = fields_of(rq, "tokens.add");
    auto text = [&](const char* name) {
      auto field = body.find(name);
      if (field == body.end() || !field->is_string())
        throw failure(errc::bad_arguments, "must be a text", pointer_to(name));
      return field->get<std::string>();
    };
    auto name = text("name");
    auto role = parse_role(text("role"));
    if (!role) throw failure(errc::bad_arguments, "must be viewer, operator or admin", "/role");
    std::chrono::seconds expires_in{0};
    if (body.contains("expires_in")) {
      auto given = parse_duration(text("expires_in"));
      if (!given || *given < std::chrono::seconds(1))
        throw failure(errc::bad_arguments, "must be a duration of a second or more", "/expires_in");
      expires_in = std::chrono::duration_cast<std::chrono::seconds>(*given);
    }
    auto services = body.contains("services") ? text("services") : std::string{};
    return tokens.add(name, *role, expires_in, services, rq.caller())
        .transform([](const json& made) {
          auto r = with_status(201, made);
          r.headers.emplace_back("Location",
                                 "/v1/tokens/" + made["token"]["name"].get<std::string>());
          return r;
        });
  });
  at.bind("tokens.remove", [&tokens](request& rq) {
    return tokens.remove(std::string(rq.capture("name")), rq.caller());
  });
}

void add_sign_in_route(route_adder& at, dashboard& pages) {
  at.bind("sign_ins.add", [&pages](request& rq) {
    auto own = rq.caller().role.value_or(api_role::viewer);
    auto role = own;
    if (!rq.body().empty()) {
      auto body = fields_of(rq, "sign_ins.add");
      if (auto given = body.find("role"); given != body.end()) {
        auto wanted = parse_role(given->is_string() ? given->get<std::string>() : std::string{});
        if (!wanted)
          throw failure(errc::bad_arguments, "must be viewer, operator or admin", "/role");
        role = *wanted;
      }
    }
    if (role > own)
      throw failure(errc::forbidden,
                    "a link for the role " + std::string(to_string(role)) + " takes that role",
                    "/role");
    // A session would outlast their rule or certificate, and stand for the manager's own user.
    auto& who = rq.caller();
    bool other_user =
        who.from == principal::origin::unix_socket && who.uid != 0 && who.uid != ::geteuid();
    if (other_user || !who.certificate.empty())
      throw failure(errc::forbidden, "a browser signs in by a token; an admin makes one");
    auto link = pages.sign_in_link(role, who.token);
    if (!link) throw failure(link.error());
    return with_status(201, *link);
  });
}

void add_probe_routes(route_adder& at, const management_parts& parts) {
  at.bind("api.openapi",
          [text = json_text{}, program = parts.program, &own = parts.own_routes]() mutable {
            if (text.text.empty())
              text.text = print_json(openapi_document(program, SM_VERSION, own));
            return text;
          });
  at.bind("health.live", [] { return "ok\n"; });
  at.bind("health.ready",
          [&services = parts.services, &shutting_down = parts.shutting_down](request& rq) {
            return readiness_of(services, shutting_down, rq.query("verbose").has_value());
          });
}

}  // namespace

result<void> add_management_routes(router<endpoint>& routes, const management_parts& parts) {
  route_adder at(routes);
  add_service_routes(at, parts);
  add_command_routes(at, parts);
  add_queue_routes(at, parts.jobs, parts.searches);
  add_job_routes(at, parts.searches, parts.has_clock);
  add_failed_routes(at, parts.searches);
  add_schedule_routes(at, parts.jobs, parts.has_clock);
  add_configuration_routes(at, parts);
  add_metrics_route(at, parts);
  add_token_routes(at, parts.tokens);
  add_sign_in_route(at, parts.pages);
  at.bind("services.logs", [parts](request& rq) {
    auto q = log_query_of(rq, parts);
    return flag_of(rq, "follow") ? parts.logs.follow(std::move(q)) : parts.logs.tail(std::move(q));
  });
  at.bind("audit.list", [&requests = parts.requests](request& rq) {
    return requests.latest_audited(number_of(rq, "limit", 100));
  });
  at.bind("events.list", [&events = parts.events](request& rq) { return events.recent(rq); });
  at.bind("jobs.history", [&past = parts.past_jobs] { return past.document(); });
  at.bind("events.follow", [&events = parts.events](request& rq) { return events.open(rq); });
  add_probe_routes(at, parts);
  return at.finish();
}

}  // namespace sm
