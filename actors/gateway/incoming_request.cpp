#include "gateway/incoming_request.hpp"

#include <charconv>

#include "http/url.hpp"

namespace sm {

std::string to_string(const request_number& n) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, n.run, 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, text + sizeof text, n.number, 16).ptr;
  return {text, end};
}

incoming_request::incoming_request(message m, origin from, captures captured,
                                   std::unique_ptr<body_share> share)
    : message_(std::move(m)),
      from_(std::move(from)),
      captured_(std::move(captured)),
      share_(std::move(share)),
      target_(read_target(method(), view(message_.target())).value_or(request_target{})) {}

std::string_view incoming_request::capture(std::string_view name) const {
  for (auto& [key, value] : captured_)
    if (key == name) return value;
  return {};
}

std::optional<std::string> incoming_request::query(std::string_view name) const {
  return query_value(target_.query, name);
}

std::vector<std::string> incoming_request::query_names() const {
  return sm::query_names(target_.query);
}

std::string incoming_request::id() const {
  return from_.given_id.empty() ? to_string(from_.number) : from_.given_id;
}

request_head head_of(const incoming_request::message& m) {
  request_head head;
  head.method = view(m.method_string());
  head.target = view(m.target());
  head.version = m.version();
  for (auto& field : m) head.add(view(field.name_string()), view(field.value()));
  return head;
}

}  // namespace sm
