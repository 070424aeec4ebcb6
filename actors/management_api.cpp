#include "management_api.hpp"

#include <charconv>

#include "config/units.hpp"
#include "log/process_log.hpp"

namespace sm {

// -- queue_view

queue_view::queue_view(std::string url, queue_config config, logger log)
    : url_(std::move(url)), config_(std::move(config)), log_(std::move(log)) {}

promise<json> queue_view::ask(std::function<result<json>(job_store&)> question) {
  promise<json> p;
  bool posted = thread_.post([this, p, question = std::move(question)] {
    if (!store_) {
      auto opened = open_job_store(url_, config_);
      if (!opened) {
        p.set_error(opened.error());
        return;
      }
      store_ = std::move(*opened);
    }
    p.set(question(*store_));
  });
  if (!posted) p.set_error({errc::overloaded, "too many questions to the queue wait", url_});
  return p;
}

promise<json> queue_view::counts() {
  return ask([](job_store& store) -> result<json> {
    auto rows = store.counts();
    if (!rows) return tl::unexpected<error>(rows.error());
    json list = json::array();
    for (auto& r : *rows)
      list.push_back({{"name", r.queue},
                      {"ready", r.ready},
                      {"in_hand", r.leased},
                      {"latency_s", static_cast<double>(r.oldest_ms) / 1000}});
    return json{{"queues", std::move(list)}};
  });
}

promise<json> queue_view::failed(std::size_t offset, std::size_t count) {
  return ask([=](job_store& store) -> result<json> {
    auto rows = store.failed(offset, count);
    if (!rows) return tl::unexpected<error>(rows.error());
    json list = json::array();
    for (auto& r : *rows)
      list.push_back({{"id", r.id},
                      {"queue", r.queue},
                      {"payload", r.payload},
                      {"exception", r.exception},
                      {"error", r.error},
                      {"worker", r.worker},
                      {"failed_at_ms", r.failed_at_ms}});
    return json{{"failed", std::move(list)}};
  });
}

void queue_view::release(const std::string& worker) {
  ask([this, worker](job_store& store) -> result<json> {
    auto count = store.release(worker);
    if (!count)
      log_.error("cannot release the jobs of {}: {}", worker, to_string(count.error()));
    else if (*count > 0)
      log_.info("{} jobs of {} are ready again", *count, worker);
    return json{};
  });
}

// -- routes

namespace {

using std::chrono::milliseconds;

/// A duration in the query ("timeout=300ms"), or 0 without one; throws `failure`.
milliseconds duration_of(const request& rq, const char* name) {
  auto text = rq.query(name);
  if (!text) return milliseconds{0};
  auto value = parse_duration(*text);
  if (!value) throw failure(errc::bad_arguments, value.error().detail, name);
  return *value;
}

std::size_t number_of(const request& rq, const char* name, std::size_t otherwise) {
  auto text = rq.query(name);
  if (!text) return otherwise;
  std::size_t value = 0;
  auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (ec != std::errc{} || end != text->data() + text->size())
    throw failure(errc::bad_arguments, "'" + *text + "' is no whole number", name);
  return value;
}

/// The body must be JSON. curl's default type is let through: the token, or the Unix socket,
/// already rules out a foreign page's form.
void check_media_type(const request& rq) {
  auto type = rq.header("Content-Type");
  auto media = type.substr(0, type.find(';'));
  if (media.empty() || media == "application/json" || media.ends_with("+json") ||
      media == "application/x-www-form-urlencoded")
    return;
  throw failure(errc::unsupported_media_type,
                "send application/json instead of " + std::string(media), "Content-Type");
}

json body_of(const request& rq) {
  check_media_type(rq);
  return rq.json_body();
}

/// The body's bytes, known to be JSON: arguments travel on as they came.
std::string arguments_of(const request& rq) {
  check_media_type(rq);
  if (rq.body().empty()) return "null";
  if (!json::accept(rq.body())) (void)rq.json_body();  // throws with the place
  return std::string(rq.body());
}

promise<json_text> wrapped(const promise<json_text>& answer) {
  return answer.transform(
      [](json_text text) { return json_text{R"({"result":)" + text.text + "}"}; });
}

response with_status(unsigned status, const json& document) {
  auto r = to_response(document);
  r.status = status;
  return r;
}

/// No cache may keep what changes by the second.
route_handler uncached(route_handler handler) {
  return [handler = std::move(handler)](request& rq, response_sink sink) {
    handler(rq, [sink = std::move(sink)](response r) {
      r.headers.emplace_back("Cache-Control", "no-store");
      r.headers.emplace_back("X-Content-Type-Options", "nosniff");
      sink(std::move(r));
    });
  };
}

class route_adder {
 public:
  explicit route_adder(router<endpoint>& routes) : routes_(routes) {}

  template <class F>
  void add(const char* method, const char* pattern, F handler) {
    put(method, pattern, {uncached(make_route_handler(std::move(handler))), true});
  }
  template <class F>
  void add_open(const char* pattern, F handler) {
    put("GET", pattern, {uncached(make_route_handler(std::move(handler))), false});
  }

  result<void> outcome;

 private:
  void put(const char* method, const char* pattern, endpoint e) {
    auto added = routes_.add(method, pattern, std::move(e));
    if (!added && outcome) outcome = std::move(added);
  }

  router<endpoint>& routes_;
};

/// ?lines=100&since=5m&stream=stderr&format=json of a service's logs.
log_query log_query_of(const request& rq, const management_parts& parts) {
  auto name = std::string(rq.capture("name"));
  auto logs = parts.services.logs_of(name);
  if (!logs) throw failure(logs.error());
  log_query q;
  q.lines = std::min<std::size_t>(number_of(rq, "lines", 100), 10'000);
  auto stream = rq.query("stream").value_or("");
  if (!stream.empty() && stream != "stdout" && stream != "stderr")
    throw failure(errc::bad_arguments, "must be \"stdout\" or \"stderr\"", "stream");
  if (auto format = rq.query("format").value_or("text"); format != "text" && format != "json")
    throw failure(errc::bad_arguments, "must be \"text\" or \"json\"", "format");
  else
    q.as_json = format == "json";
  // What a type prints goes to a file of its own, as it is; what a program prints are lines of its
  // log.
  bool raw = !stream.empty() && !logs->program;
  if (!raw) q.stream = stream;
  if (auto since = duration_of(rq, "since"); since.count() > 0) {
    if (raw) throw failure(errc::bad_arguments, "what it prints has no times", "since");
    q.since = iso_time(std::chrono::system_clock::now() - since);
  }
  for (auto& instance : logs->instances)
    q.files.push_back(parts.log_folder / (instance + (raw ? ".out" : ".log")));
  return q;
}

}  // namespace

result<void> add_management_routes(router<endpoint>& routes, const management_parts& parts) {
  auto& services = parts.services;
  auto& jobs = parts.jobs;
  auto& shutting_down = parts.shutting_down;
  route_adder at(routes);
  auto name = [](const request& rq) { return std::string(rq.capture("name")); };
  auto wait = [](const request& rq) { return wait_for{duration_of(rq, "wait")}; };
  auto* s = &services;

  at.add("GET", "/v1/services", [s](request& rq) {
    return s->list(rq.query("state").value_or(""), rq.query("q").value_or(""));
  });
  at.add("POST", "/v1/services", [s](request& rq) {
    return s->add(body_of(rq)).transform([](json added) {
      auto r = with_status(201, added);
      r.headers.emplace_back("Location", "/v1/services/" + added["name"].get<std::string>());
      return r;
    });
  });
  at.add("GET", "/v1/services/:name", [s, name](request& rq) {
    auto shown = s->show(name(rq));
    if (!shown) throw failure(shown.error());
    return std::move(*shown);
  });
  at.add("PATCH", "/v1/services/:name",
         [s, name, wait](request& rq) { return s->patch(name(rq), body_of(rq), wait(rq)); });
  at.add("DELETE", "/v1/services/:name",
         [s, name, wait](request& rq) { return s->remove(name(rq), wait(rq)); });

  at.add("POST", "/v1/services/:name/start",
         [s, name, wait](request& rq) { return s->start_service(name(rq), wait(rq)); });
  at.add("POST", "/v1/services/:name/stop",
         [s, name, wait](request& rq) { return s->stop_service(name(rq), wait(rq)); });
  at.add("POST", "/v1/services/:name/restart",
         [s, name, wait](request& rq) { return s->restart_service(name(rq), wait(rq)); });
  at.add("POST", "/v1/services/:name/reload",
         [s, name, wait](request& rq) { return s->reload_service(name(rq), wait(rq)); });
  at.add("POST", "/v1/services/:name/reset",
         [s, name](request& rq) { return s->reset_service(name(rq)); });
  at.add("POST", "/v1/services/:name/scale", [s, name, wait](request& rq) {
    auto body = body_of(rq);
    if (!body.is_object() || !body.contains("instances"))
      throw failure(errc::bad_arguments, R"(send {"instances": 4} or {"instances": "+1"})",
                    "/instances");
    return s->scale(name(rq), body["instances"], wait(rq));
  });
  at.add("POST", "/v1/services/:name/signal", [s, name](request& rq) {
    auto body = body_of(rq);
    if (!body.is_object() || !body.contains("signal") || !body["signal"].is_string())
      throw failure(errc::bad_arguments, R"(send {"signal": "HUP"})", "/signal");
    return s->signal_service(name(rq), body["signal"]);
  });

  at.add("POST", "/v1/services/:name/commands/:command", [s, name](request& rq) {
    return wrapped(s->send(name(rq), std::string(rq.capture("command")), arguments_of(rq),
                           duration_of(rq, "timeout")));
  });
  at.add("POST", "/v1/commands/:command", [s](request& rq) {
    return s->broadcast(rq.query("select").value_or("*"), std::string(rq.capture("command")),
                        arguments_of(rq), duration_of(rq, "timeout"));
  });

  at.add("GET", "/v1/queues", [&jobs](request&) { return jobs.counts(); });
  at.add("GET", "/v1/failed", [&jobs](request& rq) {
    return jobs.failed(number_of(rq, "offset", 0),
                       std::min<std::size_t>(number_of(rq, "limit", 100), 1000));
  });
  at.add("GET", "/v1/services/:name/logs", [parts](request& rq) {
    auto q = log_query_of(rq, parts);
    auto follow = rq.query("follow").value_or("0");
    return follow == "1" || follow == "true" ? parts.logs.follow(std::move(q))
                                             : parts.logs.tail(std::move(q));
  });
  at.add("GET", "/v1/events", [&events = parts.events](request& rq) { return events.open(rq); });

  at.add_open("/healthz", [] { return "ok\n"; });
  at.add_open("/readyz", [s, &shutting_down](request& rq) {
    std::string text;
    bool ready = s->ready(&text) && !shutting_down;
    if (shutting_down) text += "[-]manager shutting down\n";
    response r{.status = ready ? 200U : 503U,
               .body = ready ? "ok\n" : "not ready\n",
               .content_type = "text/plain; charset=utf-8"};
    if (rq.query("verbose"))
      r.body = "[+]gateway ok\n" + (text.empty() ? "[+]services ok\n" : text) + r.body;
    return r;
  });
  return at.outcome;
}

}  // namespace sm
