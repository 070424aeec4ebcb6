// What the service that performs jobs is told.
#pragma once

#include <chrono>
#include <sm/error.hpp>
#include <sm/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace sm {

struct field_row;

/// The type of the queue's consumers, which every program has.
inline constexpr const char* consumer_type = "sm.consumer";

/// The parameters of a consumer service.
struct consumer_params {
  std::vector<std::string> queues{"*"};
  unsigned concurrency = 1;
  bool isolate = false;  ///< each job in a process of its own
  /// With `max` > 0 the manager keeps the number of processes between the two, by the age of the
  /// oldest job that waits.
  unsigned min = 0, max = 0;
  std::chrono::milliseconds latency{2'000}, cool_down{30'000};
};

std::span<const field_row> fields_of(const consumer_params*);

/// Reads and checks them; `invalid_spec` names the field at fault.
result<consumer_params> read_consumer_params(const json& document);

/// What must hold of a consumer besides its fields one by one.
result<void> check_consumer(const std::vector<std::string>& queues, unsigned min, unsigned max);

}  // namespace sm
