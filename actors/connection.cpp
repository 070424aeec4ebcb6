#include "connection.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

#include "http/url.hpp"
#include "service/selector.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t read_size = 16 << 10;
constexpr std::size_t output_max = 64 << 10;  // answers to pipelined requests that are collected
constexpr std::size_t stream_buffer_max = 256 << 10;  // unsent bytes of a stream before it waits
constexpr auto linger_time = 2s;
constexpr auto stream_heartbeat = 15s;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

/// RFC 9110 5.6.7, made once a second.
const std::string& http_date() {
  static std::time_t when = 0;
  static std::string text;
  if (auto now = std::time(nullptr); now != when) {
    when = now;
    std::tm utc{};
    gmtime_r(&now, &utc);
    char buffer[40];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %T GMT", &utc));
  }
  return text;
}

bool header_safe(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
}

}  // namespace

/// A parsed request as its handler sees it.
class connection::incoming : public request {
 public:
  using message = http::request<http::string_body>;

  incoming(message m, sm::manager& services) : message_(std::move(m)), services_(services) {
    auto target = view(message_.target());
    auto question = std::min(target.find('?'), target.size());
    path_ = target.substr(0, question);
    query_ = target.substr(std::min(question + 1, target.size()));
  }

  std::string_view method() const override { return view(message_.method_string()); }
  std::string_view path() const override { return path_; }
  std::string_view body() const override { return message_.body(); }
  std::string_view header(std::string_view name) const override {
    return view(message_[view(name)]);
  }
  std::string_view capture(std::string_view name) const override {
    for (auto& [key, value] : captured)
      if (key == name) return value;
    return {};
  }
  std::optional<std::string> query(std::string_view name) const override {
    return query_value(query_, name);
  }
  std::vector<std::string> query_names() const override { return sm::query_names(query_); }
  sm::manager& manager() const override { return services_; }
  bool http_1_1() const { return message_.version() >= 11; }

  captures captured;

 private:
  message message_;
  sm::manager& services_;
  std::string_view path_, query_;
};

connection::connection(gateway& g, socket s, bool over_tcp)
    : gateway_(g), socket_(std::move(s)), over_tcp_(over_tcp) {}

connection::~connection() = default;

void connection::start() {
  enter(phase::idle);
  wait_for_input();
}

void connection::enter(phase p) {
  if (listed_) {
    (phase_ == phase::idle ? gateway_.idle_ : gateway_.streams_).erase(place_);
    listed_ = false;
  }
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
  if (p == phase::idle || p == phase::streaming) {
    auto& list = p == phase::idle ? gateway_.idle_ : gateway_.streams_;
    place_ = list.insert(list.end(), this);
    listed_ = true;
  }
}

void connection::close() {
  if (closed_) return;
  closed_ = true;
  enter(phase::lingering);  // leaves the lists
  if (request_ && serial_ % 2 == 1) --gateway_.counters_.pending;
  ++serial_;
  error_code ignored;
  socket_.close(ignored);
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
      return refuse({errc::request_timeout, "the header did not arrive in time", {}});
    case phase::body:
      return refuse({errc::request_timeout, "the body did not arrive in time", {}});
    case phase::handling:
      return respond(to_response(error{errc::timeout, "the handler did not answer in time", {}}));
    case phase::streaming:
      enter(phase::streaming);
      if (!writing_) output_ += stream_->heartbeat();
      return flush();
  }
}

// -- reading

void connection::wait_for_input() {
  if (reading_ || closed_) return;
  reading_ = true;
  socket_.async_wait(socket::wait_read, [self = shared_from_this()](error_code ec) {
    self->reading_ = false;
    if (self->closed_) return;
    if (ec) return self->close();
    self->on_input();
  });
}

void connection::on_input() {
  error_code ec;
  auto size = socket_.read_some(input_.prepare(read_size), ec);
  if (ec == asio::error::would_block) return wait_for_input();
  if (ec || size == 0) return close();
  if (phase_ == phase::streaming || phase_ == phase::lingering)
    return wait_for_input();  // not committed: dropped
  input_.commit(size);
  process();
}

/// Answers one request after the other as far as the input reaches; not recursive, so that a client
/// that sends a thousand requests at once costs no stack.
void connection::process() {
  if (processing_) return;
  processing_ = true;
  while (!closed_ && phase_ != phase::handling && phase_ != phase::streaming &&
         phase_ != phase::lingering && !writing_) {
    if (!parse()) break;
    dispatch();
    if (output_.size() > output_max) flush();
  }
  processing_ = false;
  if (closed_) return;
  flush();
  if (closed_) return;
  if (phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body) {
    if (!writing_) wait_for_input();
  } else if (phase_ == phase::streaming || (phase_ == phase::lingering && !writing_)) {
    wait_for_input();
  }
}

/// True when a whole request is there.
bool connection::parse() {
  if (input_.size() == 0 && (!parser_ || !parser_->is_done())) return false;
  if (!parser_) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(gateway_.config_.header_max));
    parser_->body_limit(gateway_.config_.body_max);
    parser_->eager(true);
    continue_sent_ = false;
  }
  if (phase_ == phase::idle) enter(phase::header);
  error_code ec;
  while (!parser_->is_done() && input_.size() > 0) {
    auto used = parser_->put(input_.data(), ec);
    input_.consume(used);
    if (ec == http::error::need_more) {
      ec = {};
      break;
    }
    if (ec) break;
  }
  if (ec == http::error::header_limit) {
    refuse({errc::header_too_large,
            "the header has more than " + std::to_string(gateway_.config_.header_max) + " bytes",
            {}});
    return false;
  }
  if (ec == http::error::body_limit) {
    refuse({errc::payload_too_large,
            "the body has more than " + std::to_string(gateway_.config_.body_max) + " bytes",
            {}});
    return false;
  }
  if (ec) {
    refuse({errc::bad_request, "not valid HTTP: " + ec.message(), {}});
    return false;
  }
  if (parser_->is_done()) return true;
  if (input_.size() > gateway_.config_.header_max) {
    refuse({errc::header_too_large,
            "the header has more than " + std::to_string(gateway_.config_.header_max) + " bytes",
            {}});
    return false;
  }
  if (parser_->is_header_done() && phase_ == phase::header) {
    enter(phase::body);
    if (!continue_sent_ && beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
      continue_sent_ = true;
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
      flush();
    }
  }
  return false;
}

// -- answering

void connection::dispatch() {
  keep_alive_ = parser_->get().keep_alive() && !gateway_.on_drained_;
  head_ = parser_->get().method() == http::verb::head;
  request_ = std::make_shared<incoming>(parser_->release(), gateway_.services_);
  parser_.reset();
  enter(phase::handling);
  ++gateway_.counters_.requests;
  ++gateway_.counters_.pending;
  serial_ += serial_ % 2 == 0 ? 1 : 2;  // odd while a request is being answered
  auto& rq = *request_;

  auto found = gateway_.routes_.lookup(rq.method(), rq.path());
  auto* match = std::get_if<router<endpoint>::match>(&found);
  auto fetch_site = rq.header("Sec-Fetch-Site");
  guard_input check{
      .over_tcp = over_tcp_,
      // A path that is not there is no secret, but who asks for one under /v1 shows a token first.
      .management = match ? match->value->management : rq.path().starts_with("/v1/"),
      .safe_method = rq.method() == "GET" || head_ || rq.method() == "OPTIONS",
      .http_1_1 = rq.http_1_1(),
      .host = rq.header("Host"),
      .origin = rq.header("Origin"),
      .sec_fetch_site = fetch_site,
      .authorization = rq.header("Authorization")};
  if (auto refused = guard(gateway_.guard_, check)) return respond(to_response(*refused));
  if (auto* wrong = std::get_if<router<endpoint>::wrong_method>(&found)) {
    if (rq.method() == "OPTIONS")
      return respond({.status = 204, .content_type = {}, .headers = {{"Allow", wrong->allow}}});
    auto r = to_response(error{errc::method_not_allowed, "allowed here: " + wrong->allow, {}});
    r.headers.emplace_back("Allow", wrong->allow);
    return respond(std::move(r));
  }
  if (!match)
    return respond(to_response(
        error{errc::not_found, "nothing is served at this path", std::string(rq.path())}));
  if (gateway_.counters_.pending > gateway_.config_.pending_max)
    return respond(
        to_response(error{errc::overloaded, "too many requests wait for their answer", {}}));
  rq.captured = std::move(match->captured);
  match->value->handler(rq, [weak = weak_from_this(), &l = gateway_.loop_, serial = serial_,
                             kept = request_](response r) {
    l.dispatch([weak, serial, r = std::move(r)]() mutable {
      if (auto self = weak.lock(); self && self->serial_ == serial) self->respond(std::move(r));
    });
  });
}

void connection::refuse(const error& e) {
  keep_alive_ = false;
  parser_.reset();
  input_.clear();
  head_ = false;
  append_response(to_response(e));
  enter(phase::lingering);
  flush();
  linger();
}

void connection::respond(response r) {
  --gateway_.counters_.pending;
  ++serial_;
  if (r.stream) return begin_stream(std::move(r));
  append_response(r);
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

void connection::append_response(const response& r) {
  auto length = r.body.size();
  output_ += "HTTP/1.1 ";
  output_ += std::to_string(r.status);
  output_ += ' ';
  output_ += view(http::obsolete_reason(http::int_to_status(r.status)));
  output_ += "\r\nDate: ";
  output_ += http_date();
  if (!r.content_type.empty() && header_safe(r.content_type)) {
    output_ += "\r\nContent-Type: ";
    output_ += r.content_type;
  }
  if (r.status != 204 && r.status != 304) {
    output_ += "\r\nContent-Length: ";
    output_ += std::to_string(length);
  }
  for (auto& [name, value] : r.headers)
    if (header_safe(name) && header_safe(value)) output_ += "\r\n" + name + ": " + value;
  if (!keep_alive_) output_ += "\r\nConnection: close";
  output_ += "\r\n\r\n";
  if (!head_ && r.status != 204 && r.status != 304) output_ += r.body;
}

// -- writing

void connection::flush() {
  if (writing_ || closed_) return;
  while (written_ < output_.size()) {
    error_code ec;
    auto size =
        socket_.write_some(asio::buffer(output_.data() + written_, output_.size() - written_), ec);
    written_ += size;
    if (!ec) continue;
    if (ec != asio::error::would_block) return close();
    writing_ = true;
    write_deadline_ = clock::now() + gateway_.config_.write_timeout;
    socket_.async_wait(socket::wait_write, [self = shared_from_this()](error_code failed) {
      self->writing_ = false;
      self->write_deadline_ = clock::time_point::max();
      if (self->closed_) return;
      if (failed) return self->close();
      self->flush();
      if (self->closed_ || self->writing_) return;
      if (self->phase_ == phase::streaming) return self->pump_stream();
      if (self->phase_ == phase::lingering) return self->linger();
      if (self->phase_ == phase::idle) self->enter(phase::idle);  // it is idle from now on
      if (self->gateway_.on_drained_ && self->phase_ == phase::idle) return self->close();
      self->process();
    });
    return;
  }
  output_.clear();
  written_ = 0;
}

/// RFC 9112 9.6: closing while the peer still sends would reset the connection and take the answer
/// with it, so the input is read and dropped for a while first.
void connection::linger() {
  if (closed_ || writing_) return;
  enter(phase::lingering);
  error_code ec;
  socket_.shutdown(socket::shutdown_send, ec);
  wait_for_input();
}

// -- bodies that go on

void connection::begin_stream(response r) {
  keep_alive_ = false;
  output_ += "HTTP/1.1 " + std::to_string(r.status) + " OK\r\nDate: " + http_date() +
             "\r\nContent-Type: " + r.content_type + "\r\nConnection: close\r\n";
  for (auto& [name, value] : r.headers) output_ += name + ": " + value + "\r\n";
  output_ += "\r\n" + (head_ ? std::string() : r.body);
  request_.reset();
  if (head_) {
    enter(phase::lingering);
    flush();
    return linger();
  }
  stream_ = std::move(r.stream);
  stream_->wake = [weak = weak_from_this(), &l = gateway_.loop_] {
    l.dispatch([weak] {
      if (auto self = weak.lock()) self->pump_stream();
    });
  };
  enter(phase::streaming);
  pump_stream();
}

/// A slow reader is not waited for, and costs no more than what is on its way.
void connection::pump_stream() {
  while (!closed_ && !writing_ && phase_ == phase::streaming) {
    auto size = output_.size();
    bool goes_on = stream_->pull(output_, stream_buffer_max);
    bool more = output_.size() > size;
    flush();
    if (!goes_on && !closed_ && !writing_) {
      enter(phase::lingering);
      return linger();
    }
    if (!more) return;
  }
}

}  // namespace sm
