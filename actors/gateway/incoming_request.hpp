// A parsed request as its handler sees it, and the bytes it may take.
#pragma once

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>

#include "http/request_head.hpp"
#include "http/router.hpp"

namespace sm {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

inline std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }
inline beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

/// A text that grows with what arrives, whatever length was announced.
struct text_body {
  using value_type = std::string;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& text) : text_(text) {}

    void init(const boost::optional<std::uint64_t>&, beast::error_code& ec) { ec = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& ec) {
      ec = {};
      std::size_t size = 0;
      for (auto buffer : beast::buffers_range_ref(buffers)) {
        text_.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      return size;
    }
    void finish(beast::error_code& ec) { ec = {}; }

   private:
    value_type& text_;
  };
};

/// What a body takes of the bytes that all bodies of a listener may have; given back at its end,
/// in whatever thread.
class body_share {
 public:
  explicit body_share(std::shared_ptr<std::atomic<std::uint64_t>> total)
      : total_(std::move(total)) {}
  ~body_share() { total_->fetch_sub(bytes_, std::memory_order_relaxed); }
  body_share(const body_share&) = delete;
  body_share& operator=(const body_share&) = delete;

  /// False when all of them would have more than `most`.
  bool grow_to(std::uint64_t bytes, std::uint64_t most) {
    auto more = bytes - bytes_;
    bytes_ = bytes;
    return total_->fetch_add(more, std::memory_order_relaxed) + more <= most;
  }

 private:
  std::shared_ptr<std::atomic<std::uint64_t>> total_;
  std::uint64_t bytes_ = 0;
};

/// Names requests: "5f3a9c01-1b", with a begin of its own for each run of the manager.
struct request_number {
  std::uint32_t run = 0;
  std::uint64_t number = 0;
};
std::string to_string(const request_number& n);

class incoming_request : public request {
 public:
  using message = http::request<text_body>;

  struct origin {
    sm::manager* services;
    std::shared_ptr<const principal> caller;
    request_number number;
    std::string given_id;  ///< valid, or ""
  };

  incoming_request(message m, origin from, captures captured, std::unique_ptr<body_share> share);

  std::string_view method() const override { return view(message_.method_string()); }
  std::string_view path() const override { return target_.path; }
  std::string_view body() const override { return message_.body(); }
  std::string_view header(std::string_view name) const override {
    return view(message_[view(name)]);
  }
  std::string_view capture(std::string_view name) const override;
  std::optional<std::string> query(std::string_view name) const override;
  std::vector<std::string> query_names() const override;
  sm::manager& manager() const override { return *from_.services; }
  std::string id() const override;
  const principal& caller() const override { return *from_.caller; }

 private:
  message message_;
  origin from_;
  captures captured_;
  std::unique_ptr<body_share> share_;
  request_target target_;
};

/// The head as the decisions look at it; points into the message.
request_head head_of(const incoming_request::message& m);

}  // namespace sm
