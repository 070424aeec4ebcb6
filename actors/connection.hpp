// One HTTP/1.1 connection: reads requests one after the other, has each answered, writes the
// answers. Every phase has its deadline; see http_config.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <list>
#include <memory>
#include <optional>

#include "gateway.hpp"

namespace sm {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using clock = std::chrono::steady_clock;

class connection : public std::enable_shared_from_this<connection> {
 public:
  using socket = asio::generic::stream_protocol::socket;

  connection(gateway& g, socket s, bool over_tcp);
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

 private:
  friend class gateway;
  enum class phase { idle, header, body, handling, streaming, lingering };
  class incoming;

  void enter(phase p);
  void wait_for_input();
  void on_input();
  void process();
  bool parse();
  void dispatch();
  void begin_stream(response r);
  void refuse(const error& e);
  void respond(response r);
  void append_response(const response& r);
  void flush();
  void linger();

  gateway& gateway_;
  socket socket_;
  const bool over_tcp_;
  phase phase_ = phase::idle;
  clock::time_point deadline_{};
  clock::time_point write_deadline_ = clock::time_point::max();
  std::list<connection*>::iterator place_;  // in the gateway's list of idle ones or streams
  bool listed_ = false;

  beast::flat_buffer input_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<incoming> request_;  // shared with its handler, which may outlast the connection
  std::uint64_t serial_ =
      0;  // of the request being answered: a late or second answer finds another one
  bool processing_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool keep_alive_ = true;
  bool head_ = false;
  bool continue_sent_ = false;
  bool closed_ = false;
  std::string output_;
  std::size_t written_ = 0;

  std::shared_ptr<response_stream> stream_;
};

}  // namespace sm
