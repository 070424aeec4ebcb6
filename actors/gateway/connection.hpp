// One HTTP/1.1 connection: reads requests one after the other, has each answered, writes the
// answers. Every phase has its deadline; see http_config.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <list>
#include <memory>
#include <optional>

#include "gateway/gateway.hpp"
#include "gateway/incoming_request.hpp"
#include "gateway/peer_identity.hpp"
#include "gateway/transport.hpp"

namespace sm {

using clock = std::chrono::steady_clock;

class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(gateway& g, transport t, listener_share& share);
  ~connection();

  void start();
  void close();
  /// The gateway is draining: finish what is under way, then close.
  void finish();
  /// Closes, or answers 408 or 504, when the phase's deadline has passed.
  void check_deadline(clock::time_point now);
  void pump_stream();
  /// An answer is still on its way out.
  bool writing() const noexcept { return writing_; }
  bool has_input() const { return transport_.has_input(); }
  bool streaming() const noexcept { return phase_ == phase::streaming; }
  /// The token that the request at hand showed, or the last one; "" without a name.
  std::string_view token() const { return who_.caller()->token; }
  /// Who asked by a certificate may not any more: its time is over.
  bool certificate_over(std::int64_t now) {
    check_authority();
    return who_.is_over(now);
  }

 private:
  friend class gateway;
  enum class phase { idle, header, body, handling, streaming, lingering };
  enum class progress { waits, complete, answered };
  using parser = http::request_parser<text_body>;

  void enter(phase p);
  void wait_for_input();
  void on_input();
  void on_out_of_memory() noexcept;
  void process();
  progress read_request();
  progress read_head();
  progress judge_head();
  progress refuse_plain(const request_head& head, const request_target& target);
  known_peer know_peer(std::int64_t now);
  void check_authority();
  progress read_body();
  progress refuse(const error& e);
  std::string_view unread() const { return std::string_view(input_).substr(consumed_); }
  void consume(std::size_t size) { consumed_ += size; }
  void drop_consumed();
  void dispatch();
  void call_handler();

  void respond(response r);
  void answer(response r);
  void know_trace(const request_head& head);
  void record_request(unsigned status) const;
  void write_down(const response& r);
  void begin_stream(response r, const std::string& id);
  void append_head(const response& r, const std::string& id);
  void report_cause(response& r, const std::string& id);
  std::string request_id() const;
  std::string stream_place() const;
  void break_off(const error& why);
  void flush();
  void linger();

  gateway& gateway_;
  transport transport_;
  peer_identity who_{transport_.peer()};
  bool certificate_known_ = false;
  listener_share& share_;
  phase phase_ = phase::idle;
  clock::time_point deadline_{};
  clock::time_point write_deadline_ = clock::time_point::max();
  std::list<connection*> unlisted_{this};
  std::list<connection*>::iterator
      place_;  // in the listener's list of idle ones, or in `unlisted_`
  bool listed_ = false;

  std::string input_;
  std::size_t consumed_ = 0;  // of input_
  head_scanner scanner_;
  std::optional<parser> parser_;
  std::unique_ptr<body_share> body_;
  const endpoint* endpoint_ = nullptr;  // of the request at hand, once its head passed
  captures captured_;
  std::shared_ptr<incoming_request> request_;  // its handler may keep it beyond the connection
  std::uint64_t serial_ =
      0;  // of the request being answered: a late or second answer finds another one
  request_number number_;
  clock::time_point asked_at_{};  // when its first byte was there
  std::string asked_for_;         // method and path, where they are written down
  std::string given_id_;          // what the client calls its request
  trace_context trace_;           // of the request at hand, once its head was read
  std::uint64_t parent_span_ = 0;
  bool processing_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool head_ = false;
  bool closed_ = false;
  std::string output_;
  std::size_t written_ = 0;

  std::shared_ptr<response_stream> stream_;
};

}  // namespace sm
