#include "gateway/connection.hpp"
#include "gateway/request_logs.hpp"
#include "security/access_tokens.hpp"
#include "telemetry/span.hpp"

#include <new>
#include <sm/guarded.hpp>

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t output_max = 64 << 10;  // answers to pipelined requests that are collected
constexpr std::size_t input_kept = 4 << 10;   // capacity that an idle connection keeps
constexpr auto linger_time = 2s;
constexpr auto stream_heartbeat = 15s;
/// A handler that holds the loop for so long is told of: everybody waits for it.
constexpr auto slow_handler = 250ms;

error header_too_large(std::uint64_t most) {
  return {
      errc::header_too_large, "the header has more than " + std::to_string(most) + " bytes", {}};
}

}  // namespace

connection::connection(gateway& g, transport t, listener_share& share)
    : gateway_(g), transport_(std::move(t)), share_(share), place_(unlisted_.begin()) {}

connection::~connection() = default;

void connection::start() {
  ++share_.connections;
  enter(phase::idle);
  // A handshake is no idle time.
  if (transport_.is_secure()) deadline_ = clock::now() + gateway_.config_.header_timeout;
  wait_for_input();
}

void connection::enter(phase p) {
  phase_ = p;
  auto& c = gateway_.config_;
  auto now = clock::now();
  switch (p) {
    case phase::idle:
      deadline_ = now + c.idle_timeout;
      break;
    case phase::header:
      deadline_ = now + c.header_timeout;
      break;
    case phase::body:
      deadline_ = now + c.body_timeout;
      break;
    case phase::handling:
      deadline_ = now + c.request_timeout;
      break;
    case phase::streaming:
      deadline_ = now + stream_heartbeat;
      break;
    case phase::lingering:
      deadline_ = now + linger_time;
      break;
  }
  // The one place in a list is moved, not made: this happens twice for each request.
  auto& from = listed_ ? share_.idle : unlisted_;
  listed_ = p == phase::idle;
  auto& to = listed_ ? share_.idle : unlisted_;
  to.splice(to.end(), from, place_);
}

void connection::close() {
  if (closed_) return;
  closed_ = true;
  enter(phase::lingering);  // leaves the list
  if (serial_ % 2 == 1) --share_.pending_of(*endpoint_);
  ++serial_;
  body_.reset();
  --share_.connections;
  transport_.close();
  gateway_.forget(shared_from_this());
}

void connection::finish() {
  keep_alive_ = false;
  if (phase_ == phase::streaming || (phase_ == phase::idle && !writing_)) close();
}

void connection::check_deadline(clock::time_point now) {
  if (closed_) return;
  if (writing_) {
    if (now >= write_deadline_) close();
    return;
  }
  if (now < deadline_) return;
  switch (phase_) {
    case phase::idle:
    case phase::lingering:
      return close();
    case phase::header:
      refuse({errc::request_timeout, "the header did not arrive in time", {}});
      return;
    case phase::body:
      refuse({errc::request_timeout, "the body did not arrive in time", {}});
      return;
    case phase::handling:
      return respond(to_response(error{errc::timeout, "the handler did not answer in time", {}}));
    case phase::streaming:
      enter(phase::streaming);
      if (auto ok = guarded([this] { return stream_place(); },
                            [this] { output_ += stream_->heartbeat(); });
          !ok)
        return break_off(ok.error());
      return flush();
  }
}

void connection::wait_for_input() {
  if (reading_ || closed_) return;
  reading_ = true;
  transport_.when_readable([self = shared_from_this()](bool failed) {
    self->reading_ = false;
    if (self->closed_) return;
    if (failed) return self->close();
    self->on_input();
  });
}

void connection::on_input() {
  auto& arrived = gateway_.arrived_;
  auto got = transport_.read(arrived);
  if (got.blocked) return wait_for_input();
  if (got.ended) {
    if (auto why = transport_.refused_certificate(); !why.empty())
      gateway_.tell_refused(*this, why);
    return close();
  }
  if (phase_ == phase::streaming || phase_ == phase::lingering) return wait_for_input();  // dropped
  try {
    input_.append(arrived.data(), got.size);
  } catch (const std::bad_alloc&) {
    return on_out_of_memory();
  }
  process();
}

/// The request goes, and with it what it took; then there may be room to say why.
void connection::on_out_of_memory() noexcept try {
  processing_ = false;
  bool unanswered = phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body ||
                    phase_ == phase::handling;
  parser_.reset();
  body_.reset();
  std::string().swap(input_);
  if (auto silent = gateway_.out_of_memory_.allow(clock::now()))
    gateway_.log_.error("out of memory: a request is refused, after {} more of late", *silent);
  if (unanswered && serial_ % 2 == 0)
    refuse({errc::overloaded, "out of memory", {}});
  else
    close();
} catch (const std::bad_alloc&) {
  close();
}

/// Answers one request after the other as far as the input reaches; not recursive, so that a client
/// that sends a thousand requests at once costs no stack.
void connection::process() try {
  if (processing_) return;
  processing_ = true;
  while (!closed_ && phase_ != phase::handling && phase_ != phase::streaming &&
         phase_ != phase::lingering && !writing_) {
    auto reached = read_request();
    if (reached == progress::waits) break;
    if (reached == progress::complete) dispatch();
    if (output_.size() > output_max) flush();
  }
  processing_ = false;
  drop_consumed();
  if (closed_) return;
  flush();
  if (closed_) return;
  if (phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body) {
    if (!writing_) wait_for_input();
  } else if (phase_ == phase::streaming || (phase_ == phase::lingering && !writing_)) {
    wait_for_input();
  }
} catch (const std::bad_alloc&) {
  on_out_of_memory();
}

void connection::drop_consumed() {
  input_.erase(0, consumed_);
  consumed_ = 0;
  if (input_.capacity() > input_kept && input_.size() < input_kept) input_.shrink_to_fit();
}

connection::progress connection::read_request() {
  if (!parser_)
    if (auto reached = read_head(); reached != progress::complete) return reached;
  return read_body();
}

connection::progress connection::read_head() {
  // RFC 9112 2.2: a client may send an empty line too much behind a body.
  while (unread().starts_with("\r\n")) consume(2);
  if (unread().empty() || unread() == "\r") return progress::waits;
  if (phase_ == phase::idle) {
    enter(phase::header);
    scanner_ = {};
    // What fails from here on has a name of its own.
    number_ = gateway_.next_number();
    given_id_.clear();
    trace_ = {};
    endpoint_ = nullptr;
    asked_for_.clear();
    asked_at_ = clock::now();
    head_ = false;
    http_1_0_ = false;
  }
  auto most = gateway_.config_.header_max;
  auto size = scanner_.scan(unread());
  if (!size) return refuse(size.error());
  if (*size > most || (*size == 0 && unread().size() > most)) return refuse(header_too_large(most));
  if (*size == 0) return progress::waits;

  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(*size));
  parser_->body_limit(boost::none);  // what is announced is judged with the rest of the head
  parser_->eager(false);
  error_code ec;
  auto used = parser_->put(asio::buffer(unread().data(), *size), ec);
  if (ec || used != *size || !parser_->is_header_done())
    return refuse({errc::bad_request, "not valid HTTP: " + ec.message(), {}});
  consume(used);
  return judge_head();
}

/// Nothing is done for who asks without TLS, whatever he shows: he is told where to ask.
connection::progress connection::refuse_plain(const request_head& head,
                                              const request_target& target) {
  auto host = target.authority.empty() ? head.host : target.authority;
  auto where = "https://" + std::string(host) + std::string(target.path);
  if (!target.query.empty()) where += "?" + std::string(target.query);
  auto r = to_response(error{errc::bad_request, "this port speaks TLS", {}});
  r.status = 308;
  r.headers.emplace_back("Location", where);
  parser_.reset();
  keep_alive_ = false;
  answer(std::move(r));
  return progress::answered;
}

/// The request's own place in the trace of who asks, or the begin of one.
void connection::know_trace(const request_head& head) {
  auto given = trace_of(head);
  parent_span_ = given ? given->span : 0;
  trace_ = given ? child_of(*given) : begin_trace();
}

/// What the connection tells of who asks. The certificate is there once the first request is.
known_peer connection::know_peer(std::int64_t now) {
  auto& rules = gateway_.access_.certificates;
  if (!certificate_known_ && !rules.empty())
    if (auto shown = transport_.client()) who_.know_certificate(*shown, rules);
  certificate_known_ = true;
  check_authority();
  return who_.known(now);
}

void connection::check_authority() {
  if (share_.over_tcp && !transport_.has_authorities_of(gateway_.certificate_.current().get()))
    who_.forget_certificate();
}

/// Refuses what need not be read on, and tells a client that waits for it to send its body.
connection::progress connection::judge_head() {
  auto head = head_of(parser_->get());
  know_trace(head);
  trace_scope of_request(trace_);
  head_ = head.method == "HEAD";
  http_1_0_ = head.version < 11;
  if (valid_request_id(head.request_id)) given_id_ = head.request_id;
  auto body = read_framing(head);
  if (!body) return refuse(body.error());
  auto target = read_target(head.method, head.target);
  if (!target) return refuse(target.error());
  keep_alive_ = body->keep_alive && !gateway_.draining_;

  destination to;
  auto found = gateway_.routes_.lookup(head.method, target->path);
  if (auto* match = std::get_if<router<endpoint>::match>(&found)) {
    endpoint_ = match->value;
    captured_ = std::move(match->captured);
    to = {.found = destination::kind::route, .access = endpoint_->access, .role = endpoint_->role};
  } else if (auto* wrong = std::get_if<router<endpoint>::wrong_method>(&found)) {
    to = {.found = destination::kind::wrong_method, .allow = std::move(wrong->allow)};
  }
  auto* logs = gateway_.logs_;
  // Who looks after the manager each few seconds is not what people look for.
  if (parent_span_ == 0 && endpoint_ &&
      (endpoint_->access == route_access::probe || endpoint_->access == route_access::details))
    trace_.sampled = false;
  if (is_recorded(trace_) ||
      (logs && (logs->wants_all() || (logs->audits() && endpoint_ && endpoint_->audited))))
    asked_for_ = std::string(head.method) + " " + std::string(target->path);
  auto& c = gateway_.config_;
  head_limits limits{
      .body_max = c.body_max,
      .bodies_full = share_.body_bytes->load(std::memory_order_relaxed) >= c.bodies_max,
      .pending_full = endpoint_ && share_.pending_of(*endpoint_) >= c.pending_max};
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
                 std::chrono::system_clock::now().time_since_epoch())
                 .count();
  if (transport_.misses_tls()) return refuse_plain(head, *target);
  auto [refused, shown, not_let] =
      judge(gateway_.guard_, know_peer(now), head, *body, *target, to, limits, now);
  if (shown.token) shown.token->used = now;
  who_.asks(shown);
  if (refused) {
    // Who may not does not decide what is recorded either.
    if (not_let || !endpoint_) trace_.sampled = trace_.sampled && parent_span_ == 0;
    bool guessed = not_let && not_let->code == errc::unauthorized && !head.authorization.empty();
    if (guessed && !gateway_.wrong_secrets_.allow(clock::now()))
      refused = to_response(error{errc::too_many_attempts, "too many wrong tokens", {}});
    else if (not_let && endpoint_ && endpoint_->refusal)
      refused = endpoint_->refusal(*not_let, head, *target);
    if (body->has_body()) {
      // A short body that is there already is passed over; any other is not waited for.
      if (body->chunked || body->wants_continue || unread().size() < body->length)
        keep_alive_ = false;
      else
        consume(body->length);
    }
    parser_.reset();
    answer(std::move(*refused));
    return progress::answered;
  }
  if (!body->has_body()) return progress::complete;
  parser_->body_limit(c.body_max);
  parser_->eager(true);
  body_ = std::make_unique<body_share>(share_.body_bytes);
  if (body->wants_continue && unread().empty()) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  return progress::complete;
}

connection::progress connection::read_body() {
  auto& c = gateway_.config_;
  while (!parser_->is_done() && !unread().empty()) {
    error_code ec;
    consume(parser_->put(asio::buffer(unread().data(), unread().size()), ec));
    if (ec == http::error::need_more) {
      if (unread().size() > c.header_max) return refuse(header_too_large(c.header_max));
      break;
    }
    if (ec == http::error::body_limit)
      return refuse({errc::payload_too_large,
                     "the body has more than " + std::to_string(c.body_max) + " bytes",
                     {}});
    if (ec) return refuse({errc::bad_request, "not valid HTTP: " + ec.message(), {}});
    if (!body_->grow_to(parser_->get().body().capacity(), c.bodies_max))
      return refuse({errc::overloaded, "too many bodies are on their way", {}});
  }
  if (parser_->is_done()) return progress::complete;
  if (phase_ == phase::header) enter(phase::body);
  return progress::waits;
}

/// Answers what cannot be read on; the connection ends.
connection::progress connection::refuse(const error& e) {
  trace_scope of_request(trace_);
  keep_alive_ = false;
  parser_.reset();
  body_.reset();
  input_.clear();
  consumed_ = 0;
  answer(to_response(e));
  return progress::answered;
}

void connection::dispatch() {
  trace_scope of_request(trace_);
  if (share_.pending_of(*endpoint_) >= gateway_.config_.pending_max)
    return answer(
        to_response(error{errc::overloaded, "too many requests wait for their answer", {}}));
  request_ = std::make_shared<incoming_request>(
      parser_->release(),
      incoming_request::origin{&gateway_.services_, who_.caller(), number_, given_id_},
      std::move(captured_), std::move(body_));
  parser_.reset();
  enter(phase::handling);
  ++share_.pending_of(*endpoint_);
  serial_ += serial_ % 2 == 0 ? 1 : 2;  // odd while a request is being answered
  call_handler();
}

void connection::call_handler() {
  auto begin = clock::now();
  auto* called = endpoint_;
  auto rq = request_;
  auto sink = [&, serial = serial_]() -> response_sink {
    return [weak = weak_from_this(), &l = gateway_.loop_, serial, kept = rq](response r) {
      l.dispatch([weak, serial, r = std::move(r)]() mutable {
        if (auto self = weak.lock(); self && self->serial_ == serial) self->respond(std::move(r));
      });
    };
  };
  // A handler that `route` was given as it is may throw, too.
  if (auto ok = guarded(called->name, [&] { called->handler(*rq, sink()); }); !ok)
    sink()(to_response(ok.error()));
  auto took = clock::now() - begin;
  if (took >= slow_handler)
    gateway_.log_.warn("the handler of {} held the loop for {} ms; nothing else was served",
                       called->name,
                       std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
}

}  // namespace sm
