// Requests and commands as collectors see them.
#pragma once

#include <map>
#include <sm/error.hpp>
#include <string>
#include <vector>

#include "telemetry/histogram.hpp"

namespace sm {

/// What one route has answered.
struct route_tally {
  std::map<unsigned, std::uint64_t> by_status{};
  request_histogram took{};  ///< from a request's first byte to its answer, or its begin

  void count(unsigned status, double seconds) {
    ++by_status[status];
    took.add(seconds, exemplar::of(seconds));
  }
};

struct http_figures {
  /// By "GET /v1/services/:name"; what no route took is under "".
  std::map<std::string, route_tally> routes{};
  std::uint64_t connections = 0;  ///< open now
  std::uint64_t streams = 0;      ///< of these, with an answer that goes on
  std::uint64_t refused = 0;      ///< connections that were turned away
};

/// The families sm_http_*.
void write_http_metrics(metric_page& page, const http_figures& http);

/// What has become of the spans that were recorded.
struct span_figures {
  std::uint64_t exported = 0, dropped = 0, waiting = 0;
};

/// The families sm_trace_*.
void write_span_metrics(metric_page& page, const span_figures& spans);

/// What processes have answered to one command.
struct command_tally {
  std::map<errc, std::uint64_t> failed{};
  std::uint64_t ok = 0;
  request_histogram took{};  ///< of those that were answered, ok or not
};

class command_tallies {
 public:
  /// Commands beyond so many are counted together, as "other": their names come from outside.
  static constexpr std::size_t commands_max = 500;

  command_tally& at(const std::string& command);
  /// No process knew the command: its name is no label.
  void count_unknown() noexcept { ++unknown_; }
  const std::map<std::string, command_tally>& all() const noexcept { return all_; }
  std::uint64_t unknown() const noexcept { return unknown_; }

 private:
  std::map<std::string, command_tally> all_;
  std::uint64_t unknown_ = 0;
};

/// The families sm_command_*.
void write_command_metrics(metric_page& page, const command_tallies& commands);

}  // namespace sm
