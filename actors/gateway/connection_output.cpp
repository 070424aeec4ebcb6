// What a connection sends.
#include "gateway/connection.hpp"
#include "gateway/request_logs.hpp"
#include "http/problem.hpp"
#include "http/response_head.hpp"
#include "telemetry/span.hpp"

#include <sm/guarded.hpp>

namespace sm {
namespace {

constexpr std::size_t stream_buffer_max = 256 << 10;  // unsent bytes of a stream before it waits
constexpr std::size_t output_kept = 64 << 10;         // capacity that is kept for the next answer

}  // namespace

void connection::respond(response r) {
  if (serial_ % 2 == 0) return;  // it has been answered
  --share_.pending_of(*endpoint_);
  ++serial_;
  auto before = output_.size();
  try {
    answer(std::move(r));
  } catch (const std::bad_alloc&) {
    output_.resize(before);
    on_out_of_memory();
  }
}

void connection::answer(response r) {
  trace_scope of_request(trace_);
  if (r.status < 200 || r.status > 599) {
    error e{errc::internal, "answered with the status " + std::to_string(r.status), {}};
    log_error("request " + request_id() + ": " + (endpoint_ ? endpoint_->name : ""), e);
    r = to_response(e);
  }
  gateway_.answered_[endpoint_].count(
      r.status, std::chrono::duration<double>(clock::now() - asked_at_).count());
  if (is_recorded(trace_)) record_request(r.status);
  auto id = given_id_;
  if (r.cause) {
    id = request_id();
    report_cause(r, id);
  }
  if (gateway_.logs_ && (!asked_for_.empty() || gateway_.logs_->wants_all())) write_down(r);
  if (r.stream) return begin_stream(std::move(r), id);
  append_head(r, id);
  if (!head_ && may_have_content(r.status)) output_ += r.body;
  request_.reset();
  if (keep_alive_) {
    enter(phase::idle);
    if (!processing_) process();
  } else {
    enter(phase::lingering);
    flush();
    linger();
  }
}

/// By the conventions of OpenTelemetry for HTTP servers.
void connection::record_request(unsigned status) const {
  auto took = clock::now() - asked_at_;
  std::string_view asked(asked_for_), route;
  if (endpoint_) route = endpoint_->name;
  auto method = std::string(asked.substr(0, asked.find(' ')));
  span of{.place = trace_,
          .parent = parent_span_,
          .role = span::kind::server,
          .name = endpoint_ ? endpoint_->name : method,
          .begin = span::clock::now() - std::chrono::duration_cast<span::clock::duration>(took),
          .took = took,
          .attributes = {{"http.request.method", method},
                         {"url.path",
                          std::string(asked.substr(std::min(method.size() + 1, asked.size())))},
                         {"http.response.status_code", std::int64_t{status}},
                         {"sm.request_id", request_id()}},
          .failed = status >= 500};
  if (auto space = route.find(' '); space != route.npos)
    of.attributes.emplace_back("http.route", std::string(route.substr(space + 1)));
  record_span(of);
}

void connection::write_down(const response& r) {
  auto id = request_id();
  auto space = asked_for_.find(' ');
  std::string_view asked(asked_for_);
  bool audited = endpoint_ && endpoint_->audited;
  request_record of{
      .at = std::chrono::system_clock::now(),
      .method = asked.substr(0, space),
      .path = space == asked.npos ? "" : asked.substr(space + 1),
      .route = endpoint_ ? std::string_view(endpoint_->name) : "",
      .operation = endpoint_ ? std::string_view(endpoint_->operation) : "",
      .id = id,
      .trace = trace_,
      // What no route took has shown nothing; `who_` is of the request before.
      .who = endpoint_ ? who_.caller().get() : transport_.peer().get(),
      .status = r.status,
      .bytes = r.stream || head_ ? 0 : r.body.size(),
      .seconds = std::chrono::duration<double>(clock::now() - asked_at_).count(),
      .problem = audited && r.status >= 400 ? error_of_problem(r.body) : std::nullopt};
  gateway_.logs_->add(of, audited);
}

std::string connection::request_id() const {
  return given_id_.empty() ? to_string(number_) : given_id_;
}

/// What a handler threw is in the log under the id that the client gets; who showed a token is told
/// what a command threw, too.
void connection::report_cause(response& r, const std::string& id) {
  if (r.cause->code != errc::internal)  // which the guard of the handler has logged
    gateway_.log_.warn("request {}: {}: {}", id, endpoint_ ? endpoint_->name : "",
                       to_string(*r.cause));
  if (r.content_type != "application/problem+json") return;
  bool confidant = endpoint_ && endpoint_->access == route_access::management;
  r.body = problem_document(*r.cause, id, confidant);
}

void connection::append_head(const response& r, const std::string& id) {
  auto left_out = append_response_head(
      output_, r, {.close = !keep_alive_, .tell_keep_alive = http_1_0_, .request_id = id});
  if (left_out)
    gateway_.log_.warn("request {}: {} set a header that is not sent: '{}'", request_id(),
                       endpoint_ ? endpoint_->name : "", *left_out);
}

void connection::flush() {
  if (writing_ || closed_) return;
  while (written_ < output_.size()) {
    auto sent = transport_.write(std::string_view(output_).substr(written_));
    written_ += sent.size;
    if (sent.ended) return close();
    if (!sent.blocked) continue;
    writing_ = true;
    write_deadline_ = clock::now() + gateway_.config_.write_timeout;
    transport_.when_writable([self = shared_from_this()](bool failed) {
      self->writing_ = false;
      self->write_deadline_ = clock::time_point::max();
      if (self->closed_) return;
      if (failed) return self->close();
      self->flush();
      if (self->closed_ || self->writing_) return;
      if (self->phase_ == phase::streaming) return self->pump_stream();
      if (self->phase_ == phase::lingering) return self->linger();
      if (self->phase_ == phase::idle) self->enter(phase::idle);  // it is idle from now on
      if (self->gateway_.draining_ && self->phase_ == phase::idle) return self->close();
      self->process();
    });
    return;
  }
  output_.clear();
  if (output_.capacity() > output_kept) output_.shrink_to_fit();
  written_ = 0;
}

/// RFC 9112 9.6: closing while the peer still sends would reset the connection and take the answer
/// with it, so the input is read and dropped for a while first.
void connection::linger() {
  if (closed_ || writing_) return;
  enter(phase::lingering);
  transport_.end_output();
  wait_for_input();
}

void connection::begin_stream(response r, const std::string& id) {
  keep_alive_ = false;
  append_head(r, id);
  request_.reset();
  if (head_ || !may_have_content(r.status)) {
    enter(phase::lingering);
    flush();
    return linger();
  }
  output_ += r.body;
  stream_ = std::move(r.stream);
  stream_->wake = [weak = weak_from_this(), &l = gateway_.loop_] {
    l.dispatch([weak] {
      if (auto self = weak.lock()) self->pump_stream();
    });
  };
  enter(phase::streaming);
  pump_stream();
  wait_for_input();  // tells when the peer leaves
}

std::string connection::stream_place() const {
  return "request " + request_id() + ": " + (endpoint_ ? endpoint_->name : "") + ", its stream";
}

/// A body that its end delimits is not whole for the peer when the connection is reset.
void connection::break_off(const error& why) {
  if (why.code != errc::internal)  // which the guard has logged
    gateway_.log_.warn("{}: {}", stream_place(), to_string(why));
  transport_.abort();
  close();
}

/// A slow reader is not waited for, and costs no more than what is on its way.
void connection::pump_stream() {
  while (!closed_ && !writing_ && phase_ == phase::streaming) {
    auto size = output_.size();
    auto goes_on = guarded([this] { return stream_place(); },
                           [this] { return stream_->pull(output_, stream_buffer_max); });
    if (!goes_on) return break_off(goes_on.error());
    bool more = output_.size() > size;
    flush();
    if (!*goes_on && !closed_ && !writing_) {
      enter(phase::lingering);
      return linger();
    }
    if (!more) return;
  }
}

}  // namespace sm
