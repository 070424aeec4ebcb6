#include "api/dashboard.hpp"

#include <set>
#include <sm/guarded.hpp>

#include "api/route_adder.hpp"
#include "dashboard/assets.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"
#include "queue/unix_time.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

constexpr std::chrono::seconds session_time = std::chrono::hours(12);
constexpr std::size_t code_bytes = 20;

/// Seconds of a clock that nobody sets.
std::int64_t steady_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(clock::now().time_since_epoch()).count();
}

/// A question of a page to the API: by who asks for the page, and with nothing but a target.
class page_question : public request {
 public:
  page_question(const request& page, const std::string& target, captures captured)
      : page_(page),
        path_(target.substr(0, target.find('?'))),
        query_(target.find('?') == target.npos ? "" : target.substr(target.find('?') + 1)),
        captured_(std::move(captured)) {}

  std::string_view method() const override { return "GET"; }
  std::string_view path() const override { return path_; }
  std::string_view body() const override { return {}; }
  std::string_view header(std::string_view) const override { return {}; }
  std::string_view capture(std::string_view name) const override {
    for (auto& [known, value] : captured_)
      if (known == name) return value;
    return {};
  }
  std::optional<std::string> query(std::string_view name) const override {
    return query_value(query_, name);
  }
  std::vector<std::string> query_names() const override { return sm::query_names(query_); }
  sm::manager& manager() const override { return page_.manager(); }
  std::string id() const override { return page_.id(); }
  const principal& caller() const override { return page_.caller(); }

 private:
  const request& page_;
  const std::string path_, query_;
  const captures captured_;
};

/// An answer of the API as a document: JSON, or a text as it is.
result<json> document_of(const response& r) {
  if (r.status >= 400)
    return tl::unexpected<error>(
        error_of_problem(r.body).value_or(error{errc::internal, r.body, {}}));
  if (r.content_type.starts_with("text/")) return json(r.body);
  return parse_json(r.body);
}

/// What is beside a page's subject is waited for so long: a store that is away keeps no page back.
constexpr auto patience = std::chrono::milliseconds(500);

/// The documents of a page on their way; the last one that comes lets it be made.
struct gathered_page {
  response_sink sink;  ///< keeps the page's request
  std::unique_ptr<asio::steady_timer> timer{};
  std::set<std::string_view> expected{};
  bool made = false;
  std::vector<std::unique_ptr<page_question>> questions{};
  std::vector<std::pair<std::string, response>> answers{};
};

}  // namespace

dashboard::dashboard(loop& l, router<endpoint>& routes, gateway& http, token_keeper& tokens,
                     std::string program, logger log, std::function<bool()> has_queue)
    : loop_(l),
      routes_(routes),
      http_(http),
      tokens_(tokens),
      program_(std::move(program)),
      log_(std::move(log)),
      has_queue_(std::move(has_queue)) {}

void dashboard::add(std::string_view method, std::string_view path, route_access access,
                    route_handler handler) {
  // Also what a catch-all of the program's takes.
  auto found = routes_.lookup(method, path.substr(0, path.find(':')));
  if (auto* match = std::get_if<router<endpoint>::match>(&found);
      match && match->value->access == route_access::user) {
    log_.info("{} {} is the program's own, not the dashboard's", method, path);
    return;
  }
  endpoint to{std::move(handler), access, std::string(method) + " " + std::string(path)};
  if (access == route_access::page) {
    to.role = api_role::viewer;
    to.refusal = [this](auto& e, auto& head, auto& target) { return refusal(e, head, target); };
  }
  if (method == "POST") {
    to.operation = path.ends_with("sign-in") ? "dashboard.sign_in" : "dashboard.sign_out";
    to.audited = true;
  }
  if (auto ok = routes_.add(method, path, std::move(to)); !ok)
    log_.warn("the dashboard has no {} {}: {}", method, path, ok.error().detail);
}

void dashboard::add_routes() {
  on_ = true;
  for (auto& page : dashboard_pages())
    add("GET", page.path, route_access::page,
        [this, &page](request& rq, response_sink sink) { serve(page, rq, std::move(sink)); });
  for (auto& asset : dashboard_assets())
    add("GET", asset.path, route_access::open, [&asset](request& rq, const response_sink& sink) {
      auto tag = "\"" + version_of_assets() + "\"";
      bool known = rq.header("If-None-Match").find(tag) != std::string_view::npos;
      bool named = !rq.query_names().empty();  // its version: another one has another address
      sink({.status = known ? 304U : 200U,
            .body = known ? std::string() : std::string(asset.bytes),
            .content_type = std::string(asset.content_type),
            .headers = {
                {"ETag", tag},
                {"Cache-Control", named ? "public, max-age=31536000, immutable" : "no-cache"},
                {"X-Content-Type-Options", "nosniff"}}});
    });
  for (auto* path : {"/", "/ui/"})
    add("GET", path, route_access::open, [](request&, const response_sink& sink) {
      sink({.status = 303, .content_type = {}, .headers = {{"Location", "/ui"}}});
    });
  add("GET", "/ui/sign-in", route_access::open,
      [this](request& rq, const response_sink& sink) { show_sign_in(rq, sink); });
  add("POST", "/ui/sign-in", route_access::open,
      [this](request& rq, const response_sink& sink) { sign_in(rq, sink); });
  add("POST", "/ui/sign-out", route_access::page,
      [this](request& rq, const response_sink& sink) { sign_out(rq, sink); });
}

page_request dashboard::asked_for(const dashboard_page& page, const request& rq) const {
  page_request asked{
      .role = rq.caller().role.value_or(api_role::viewer),
      .signed_in = !cookie_value(rq.header("Cookie"), http_.session_cookie()).empty(),
      .program = program_,
      .version = SM_VERSION,
      .now_ms = unix_ms()};
  asked.who = (rq.caller().token.empty() ? "" : rq.caller().token + ", ") +
              std::string(to_string(asked.role));
  for (auto rest = page.path; !rest.empty();) {
    auto segment = rest.substr(0, rest.find('/', 1));
    rest.remove_prefix(segment.size());
    if (segment.starts_with("/:"))
      asked.captured.emplace(segment.substr(2), rq.capture(segment.substr(2)));
  }
  for (auto name : page.query)
    if (auto value = rq.query(name)) asked.query.emplace(name, std::move(*value));
  return asked;
}

void dashboard::serve(const dashboard_page& page, request& rq, response_sink sink) {
  auto asked = std::make_shared<const page_request>(asked_for(page, rq));
  auto gathered = std::make_shared<gathered_page>(gathered_page{std::move(sink)});
  auto finish = [this, &page, asked, gathered] {
    if (std::exchange(gathered->made, true)) return;
    gathered->timer->cancel();
    for (auto name : gathered->expected)
      gathered->answers.emplace_back(name,
                                     to_response(error{errc::unavailable, "no answer yet", {}}));
    bool posted = pages_.post([&page, asked, gathered] {
      auto made = guarded("a page of the dashboard", [&] {
        page_documents documents;
        for (auto& [name, answer] : gathered->answers) documents.emplace(name, document_of(answer));
        return render_page(page, *asked, documents);
      });
      gathered->sink(made ? std::move(*made) : problem_page(*asked, made.error()));
    });
    if (!posted)
      gathered->sink(to_response(error{errc::overloaded, "too many pages are asked for", {}}));
  };
  auto answered = [gathered, finish](std::string_view name, response r) {
    if (gathered->made || gathered->expected.erase(name) == 0) return;
    gathered->answers.emplace_back(name, std::move(r));
    if (gathered->expected.empty()) finish();
  };
  gathered->timer = std::make_unique<asio::steady_timer>(loop_.context());
  // All are expected before the first is asked.
  std::vector<std::pair<const endpoint*, std::string_view>> to;
  for (auto& source : page.sources) {
    if (source.role > asked->role || (source.of_queue && !has_queue_())) continue;
    auto target = target_of(source, *asked);
    auto found = routes_.lookup("GET", target.substr(0, target.find('?')));
    auto* match = std::get_if<router<endpoint>::match>(&found);
    if (!match) continue;
    gathered->questions.push_back(
        std::make_unique<page_question>(rq, target, std::move(match->captured)));
    gathered->expected.insert(source.name);
    to.emplace_back(match->value, source.name);
  }
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i].first->handler(*gathered->questions[i], [&l = loop_, answered,
                                                   name = to[i].second](response r) {
      l.dispatch([answered, name, r = std::move(r)]() mutable { answered(name, std::move(r)); });
    });
  if (gathered->expected.empty()) return finish();
  gathered->timer->expires_after(patience);
  gathered->timer->async_wait(
      [gathered, finish, subject = page.sources.front().name](error_code ec) {
        if (ec || gathered->made) return;
        if (!gathered->expected.contains(subject)) return finish();
        gathered->expected = {subject};  // without it there is no page
      });
}

response dashboard::refusal(const error& e, const request_head& head,
                            const request_target& target) const {
  if (e.code != errc::unauthorized) return to_response(e);
  auto next = std::string(target.path);
  if (!target.query.empty()) next += "?" + std::string(target.query);
  bool from_elsewhere = head.sec_fetch_site == "cross-site" || head.sec_fetch_site == "same-site";
  bool had_one = !cookie_value(head.cookie, http_.session_cookie()).empty();
  auto r = sign_in_page({.program = program_,
                         .message = had_one ? "The session is over." : "",
                         .next = next,
                         .again = from_elsewhere},
                        401);
  r.headers.emplace_back("WWW-Authenticate", "Bearer");
  return r;
}

result<json> dashboard::sign_in_link(api_role role, const std::string& maker) {
  if (!on_) return fail(errc::conflict, "the dashboard is off: http.dashboard");
  if (http_.address().empty())
    return fail(errc::conflict, "a browser finds no way in: http.listen is empty");
  auto code = random_hex(code_bytes);
  codes_.add(code, {role, maker}, steady_seconds());
  return json{{"url", http_.url() + "/ui/sign-in?code=" + code},
              {"role", to_string(role)},
              {"expires_in_s", sign_in_codes::good_for}};
}

/// Only looks: what follows links before people do, must not use the code up.
void dashboard::show_sign_in(const request& rq, const response_sink& sink) {
  sink(sign_in_page({.program = program_,
                     .code = rq.query("code").value_or(""),
                     .next = rq.query("next").value_or("")},
                    200));
}

void dashboard::sign_in(const request& rq, const response_sink& sink) {
  auto field = [&](const char* name) { return query_value(rq.body(), name).value_or(""); };
  auto next = page_to_go_to(field("next"));
  if (auto code = field("code"); !code.empty()) return sign_in_by_code(code, next, rq, sink);
  auto token = field("token");
  auto shown = http_.credential_of(token);
  if (!shown)
    return sink(
        sign_in_page({.program = program_, .message = shown.error().detail, .next = next}, 401));
  sink({.status = 303,
        .content_type = {},
        .headers = {{"Location", next}, {"Set-Cookie", cookie_of(token, session_time.count())}}});
}

void dashboard::sign_in_by_code(const std::string& code, const std::string& next, const request& rq,
                                const response_sink& sink) {
  auto again = [this, next](const std::string& message) {
    return sign_in_page({.program = program_, .message = message, .next = next}, 401);
  };
  auto granted = codes_.take(code, steady_seconds());
  if (!granted) return sink(again("This link has been used, or its time is over."));
  tokens_.add_session(granted->role, session_time, granted->maker, rq.caller())
      .then([this, next, again, sink](const result<json>& made) {
        if (!made) return sink(again("This link is not good any more: " + made.error().detail));
        sink({.status = 303,
              .content_type = {},
              .headers = {{"Location", next},
                          {"Set-Cookie", cookie_of((*made)["secret"].get_ref<const std::string&>(),
                                                   session_time.count())}}});
      });
}

void dashboard::sign_out(const request& rq, const response_sink& sink) {
  auto gone = [this, sink] {
    sink({.status = 204, .content_type = {}, .headers = {{"Set-Cookie", cookie_of("", 0)}}});
  };
  auto* token = tokens_.tokens().called(rq.caller().token);
  if (!token || !token->session) return gone();
  tokens_.remove(token->name, rq.caller()).then([gone](const result<json>&) { gone(); });
}

std::string dashboard::cookie_of(std::string_view secret, std::int64_t max_age) const {
  return http_.session_cookie() + "=" + std::string(secret) +
         "; Path=/; Max-Age=" + std::to_string(max_age) + "; HttpOnly; SameSite=Strict" +
         (http_.url().starts_with("https:") ? "; Secure" : "");
}

}  // namespace sm
