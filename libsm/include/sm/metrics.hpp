// Figures of a service's own, or of a job's or a route's, beside those of sm at /metrics.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sm::metrics {

/// Names and values, such as {{"city", "berlin"}}: each combination is a series of its own, so
/// values come from a small set.
using labels = std::vector<std::pair<std::string, std::string>>;

namespace detail {
class series;
}

// All of them are handles: two with the same name and labels are the same series of this process.
// Thread-safe; a change is an addition in memory, and the manager hears of it within a second. The
// series get the labels `service` and `process` ("web:0").
//
// A name has letters, digits and "_", no digit in front; it does not begin with "sm_" or
// "process_", and does not end in "_bucket" or "_created". Base units: seconds, bytes. The
// constructors throw `failure` with `invalid_spec` for names and labels that cannot be, and for a
// name that is in use for another kind. A label that is empty is none. Beyond 1,000 series of a
// process further ones count nothing, which is logged.

/// Only grows, from 0 at the start of its process: "shop_orders"; "_total" is added where it is
/// shown.
class counter {
 public:
  counter(const std::string& name, const std::string& help, const labels& of = {});
  /// Nothing for less than 0 and what is no finite number.
  void add(double amount = 1) const noexcept;

 private:
  std::shared_ptr<detail::series> series_;
};

/// Goes up and down.
class gauge {
 public:
  gauge(const std::string& name, const std::string& help, const labels& of = {});
  void set(double value) const noexcept;
  void add(double amount) const noexcept;

 private:
  std::shared_ptr<detail::series> series_;
};

/// How values are spread: counts by upper bounds, their sum. What is observed within a trace that
/// is sampled is shown with its id (an exemplar).
class histogram {
 public:
  /// `bounds` in order, up to 40; without any those that suit seconds of a request.
  histogram(const std::string& name, const std::string& help, const labels& of = {},
            std::vector<double> bounds = {});
  /// Nothing for what is no finite number.
  void observe(double value) const noexcept;

 private:
  std::shared_ptr<detail::series> series_;
};

}  // namespace sm::metrics
