#include "api/event_streams.hpp"

#include <optional>

#include "api/route_adder.hpp"
#include "http/event_text.hpp"
#include "security/service_scope.hpp"
#include "text/glob.hpp"
#include "text/numbers.hpp"

namespace sm {

class event_streams::stream : public response_stream {
 public:
  stream(const event_ring& events, std::uint64_t cursor, std::string filter, std::string scope,
         bool held)
      : events_(events),
        cursor_(cursor),
        filter_(std::move(filter)),
        scope_(std::move(scope)),
        until_(held ? std::optional(events.last()) : std::nullopt) {}

  std::string_view heartbeat() const override { return ":\n\n"; }
  /// A slow reader waits at its own cursor and is told what the ring dropped meanwhile.
  bool pull(std::string& out, std::size_t max) override {
    auto slice = events_.after(cursor_);
    if (slice.missed > 0) {
      cursor_ += slice.missed;
      append_event(out, {.id = std::to_string(cursor_),
                         .event = "gap",
                         .data = "{\"missed\":" + std::to_string(slice.missed) + "}"});
    }
    auto size = out.size();
    for (auto e = slice.begin; e != slice.end && out.size() < size + max; ++e) {
      if (until_ && e->index > *until_) return false;
      cursor_ = e->index;
      if (!glob_match(filter_, e->type) || !event_in_scope(scope_, e->data)) continue;
      append_event(out, {.id = std::to_string(e->index), .event = e->type, .data = e->data});
    }
    if (slice.begin == slice.end) cursor_ = events_.last();
    return !until_ || cursor_ < *until_;
  }

 private:
  const event_ring& events_;
  std::uint64_t cursor_;
  const std::string filter_, scope_;
  const std::optional<std::uint64_t> until_;  // the index it ends behind
};

response event_streams::open(const request& rq) {
  bool held = flag_of(rq, "held");
  auto cursor = held ? 0 : events_.last();
  auto begin_after = [&](std::string_view index, const char* where) {
    auto value = parse_integer<std::uint64_t>(index);
    if (!value) throw failure(errc::bad_arguments, value.error().detail, where);
    cursor = *value;
  };
  auto since = rq.query("since");
  if (since) begin_after(*since, "since");
  // Where a reader has come to says more than where it began.
  if (auto last = rq.header("Last-Event-ID"); !last.empty()) begin_after(last, "Last-Event-ID");
  auto opened = std::make_shared<stream>(events_, cursor, rq.query("type").value_or("*"),
                                         rq.caller().services, held);
  streams_.push_back(opened);
  return {.content_type = "text/event-stream", .stream = opened};
}

json_text event_streams::recent(const request& rq) const {
  auto type = rq.query("type").value_or("");
  auto service = rq.query("service").value_or("");
  // Its data is text that we wrote: a member stands in it as this does.
  auto member = service.empty() ? std::string{} : "\"service\":" + print_json(json(service));
  auto found = events_.latest(number_of(rq, "limit", 100), [&](const event& e) {
    return event_in_scope(rq.caller().services, e.data) &&
           (type.empty() || glob_match(type, e.type)) &&
           (member.empty() || e.data.find(member) != e.data.npos);
  });
  std::string text = "{\"events\":[";
  for (auto* e : found) {
    if (e != found.front()) text += ',';
    text += "{\"index\":" + std::to_string(e->index) + ",\"type\":" + print_json(json(e->type)) +
            ",\"data\":" + e->data + "}";
  }
  return {text + "]}"};
}

void event_streams::on_event() {
  for (auto entry = streams_.begin(); entry != streams_.end();) {
    auto open = entry->lock();
    entry = open ? std::next(entry) : streams_.erase(entry);
    if (open) open->wake();
  }
}

}  // namespace sm
