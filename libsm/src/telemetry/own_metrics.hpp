// Metrics that a program's own code counts: as values, as its processes tell them, and as a page.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sm/json.hpp>
#include <sm/metrics.hpp>
#include <span>
#include <string>
#include <vector>

#include "telemetry/exemplar.hpp"
#include "telemetry/open_metrics.hpp"

namespace sm {

enum class metric_kind { counter, gauge, histogram };
std::string_view to_string(metric_kind kind) noexcept;

struct own_series {
  metrics::labels labels{};
  double value = 0;                     ///< the sum, of a histogram
  std::vector<std::uint64_t> counts{};  ///< by bucket; one more than there are bounds
  std::vector<exemplar> exemplars{};    ///< of each bucket the last one; or none at all
  bool set = false;                     ///< of a gauge: its value was, and not added to alone
};

struct own_family {
  std::string name{};
  metric_kind kind = metric_kind::counter;
  std::string help{};
  std::vector<double> bounds{};  ///< of a histogram
  std::vector<own_series> series{};
};

using own_families = std::vector<own_family>;

/// For processes of the same machine.
std::string encode(const own_families& families);
/// `bad_arguments` for what `encode` did not write, and for names that no metric has.
result<own_families> decode_families(std::string_view bytes);

/// What one process tells.
struct own_report {
  std::string service{}, instance{};  ///< "" of the manager's own
  std::shared_ptr<const own_families> families{};
};

/// The reports of the processes that live, as they came: decoded by who shows them.
class report_board {
 public:
  struct told {
    std::string service, instance;
    std::shared_ptr<const std::string> families;
  };

  void put(std::uint64_t process, told report) { live_[process] = std::move(report); }
  void end(std::uint64_t process) { live_.erase(process); }
  std::vector<told> all() const {
    std::vector<told> list;
    for (auto& [process, report] : live_) list.push_back(report);
    return list;
  }

 private:
  std::map<std::uint64_t, told> live_;
};

/// Families of all processes, each once. A process that means another kind by a name than one
/// before it is left out there; of those families the names.
std::vector<std::string> write_own_metrics(metric_page& page, std::span<const own_report> reports);

/// Why a name, or one of the labels, cannot be; nothing when they can.
std::optional<std::string> fault_of_metric(metric_kind kind, std::string_view name,
                                           const metrics::labels& labels);

/// As a page shows them: without labels that are empty, bytes that are no UTF-8 replaced, by name.
metrics::labels shown_labels(metrics::labels labels);

/// Adds `more`, of a process that ended, to what this one has counted; a gauge that it set is set.
void add_to_own_metrics(const own_families& more);
/// What this process has counted.
own_families own_metrics();
/// Likewise, of the series that were changed since `forget_own_metrics` alone.
own_families changed_own_metrics();
/// Begins anew at 0: in the child of a fork, which counts for itself.
void forget_own_metrics();
/// `changed` is called with the first change after each `own_metrics`; from any thread.
void watch_own_metrics(std::function<void()> changed);

}  // namespace sm
