// The events as server-sent events (WHATWG HTML 9.2): resumable by their index, a gap is marked.
// Runs in the loop.
#pragma once

#include <list>
#include <memory>
#include <sm/http.hpp>

#include "telemetry/event_ring.hpp"

namespace sm {

class event_streams {
 public:
  explicit event_streams(const event_ring& events) : events_(events) {}

  /// Answers a request for the stream: `type` is a glob; `since`, or Last-Event-ID, the index after
  /// which it begins. Throws `failure` for an index that is none.
  response open(const request& rq);
  /// Those that are kept, `type` a glob, of `service` alone if it is given: `limit` at most, the
  /// oldest first.
  json_text recent(const request& rq) const;

  /// There are new events.
  void on_event();

 private:
  class stream;

  const event_ring& events_;
  std::list<std::weak_ptr<stream>> streams_;
};

}  // namespace sm
