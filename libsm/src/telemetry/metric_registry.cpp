// What this process counts. A series is found once, by its handle, and counted without a lock.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <sm/error.hpp>
#include <sm/guarded.hpp>
#include <sm/metrics.hpp>

#include "telemetry/own_metrics.hpp"

namespace sm {
namespace {

constexpr std::size_t series_max = 1000;
constexpr std::size_t bounds_max = 40;
const std::vector<double> request_like{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,  0.5,    1,     2.5,  5,     10};

}  // namespace

namespace metrics::detail {

class series {
 public:
  explicit series(std::vector<double> bounds)
      : bounds_(std::move(bounds)), counts_(bounds_.size() + 1), exemplars_(bounds_.size() + 1) {}

  void add(double amount) noexcept;
  void set(double value) noexcept;
  void observe(double value) noexcept;

  /// What it is, but for its labels.
  own_series now(metric_kind kind) const {
    own_series s{.labels = {}, .value = value_.load(std::memory_order_relaxed)};
    s.set = how_ == change::set;
    if (kind != metric_kind::histogram) return s;
    for (auto& count : counts_) s.counts.push_back(count.load(std::memory_order_relaxed));
    std::lock_guard lock(exemplar_mutex_);
    if (std::any_of(exemplars_.begin(), exemplars_.end(), [](auto& e) { return bool(e.trace); }))
      s.exemplars = exemplars_;
    return s;
  }
  void merge(metric_kind kind, const own_series& more) {
    if (kind == metric_kind::gauge) return more.set ? set(more.value) : add(more.value);
    note(change::added);
    value_.fetch_add(more.value, std::memory_order_relaxed);
    for (std::size_t i = 0; i < std::min(counts_.size(), more.counts.size()); ++i)
      counts_[i].fetch_add(more.counts[i], std::memory_order_relaxed);
    std::lock_guard lock(exemplar_mutex_);
    for (std::size_t i = 0; i < std::min(exemplars_.size(), more.exemplars.size()); ++i)
      if (more.exemplars[i].trace) exemplars_[i] = more.exemplars[i];
  }

  bool is_changed() const noexcept { return how_ != change::none; }
  void forget() noexcept {
    how_ = change::none;
    value_ = 0;
    for (auto& count : counts_) count = 0;
    std::fill(exemplars_.begin(), exemplars_.end(), exemplar{});
  }

 private:
  enum class change : std::uint8_t { none, added, set };

  void note(change how) noexcept {
    if (how_.load(std::memory_order_relaxed) < how) how_.store(how, std::memory_order_relaxed);
  }

  const std::vector<double> bounds_;
  std::atomic<change> how_{change::none};
  std::atomic<double> value_{0};
  std::vector<std::atomic<std::uint64_t>> counts_;
  mutable std::mutex exemplar_mutex_;
  std::vector<exemplar> exemplars_;
};

}  // namespace metrics::detail

namespace {

using metrics::detail::series;

class registry {
 public:
  std::shared_ptr<series> get(metric_kind kind, std::string name, const std::string& help,
                              metrics::labels labels, std::vector<double> bounds) {
    if (kind == metric_kind::counter && name.ends_with("_total")) name.resize(name.size() - 6);
    if (auto fault = fault_of_metric(kind, name, labels))
      throw failure(errc::invalid_spec, std::move(*fault), name);
    labels = shown_labels(std::move(labels));
    std::unique_lock lock(mutex_);
    auto& family = families_[name];
    if (family.all.empty()) {
      family.kind = kind;
      family.help = help;
      family.bounds = bounds;
    }
    if (family.kind != kind || family.bounds != bounds)
      throw failure(errc::invalid_spec,
                    "the metric is in use as another kind, or with other bounds", name);
    if (auto known = family.all.find(labels); known != family.all.end()) return known->second;
    auto made = std::make_shared<series>(std::move(bounds));
    if (count_ < series_max) {
      ++count_;
      family.all.emplace(std::move(labels), made);
      lock.unlock();
      note_change();  // a series is shown before it has counted
      return made;
    }
    if (!std::exchange(full_, true)) {
      log_error("metrics",
                {errc::overloaded,
                 "there are " + std::to_string(series_max) + " series; further ones count nothing",
                 name});
    }
    if (family.all.empty()) families_.erase(name);
    return made;
  }

  own_families now(bool changed_alone) {
    changed_.exchange(false);  // before the values are read
    std::lock_guard lock(mutex_);
    own_families all;
    for (auto& [name, family] : families_) {
      own_family told{name, family.kind, family.help, family.bounds, {}};
      for (auto& [labels, one] : family.all) {
        if (changed_alone && !one->is_changed()) continue;
        told.series.push_back(one->now(family.kind));
        told.series.back().labels = labels;
      }
      if (!told.series.empty()) all.push_back(std::move(told));
    }
    return all;
  }

  void forget() {
    for (auto& [name, family] : families_)
      for (auto& [labels, one] : family.all) one->forget();
  }

  void watch(std::function<void()> changed) {
    std::lock_guard lock(watch_mutex_);
    on_change_ = std::move(changed);
  }
  void note_change() noexcept {
    if (changed_.load(std::memory_order_relaxed) || changed_.exchange(true)) return;
    (void)guarded("metrics", [this] {
      std::unique_lock lock(watch_mutex_);
      auto told = on_change_;
      lock.unlock();
      if (told) told();
    });
  }

 private:
  struct family {
    metric_kind kind = metric_kind::counter;
    std::string help;
    std::vector<double> bounds;
    std::map<metrics::labels, std::shared_ptr<series>> all;
  };

  std::mutex mutex_;
  std::map<std::string, family> families_;
  std::size_t count_ = 0;
  bool full_ = false;
  std::atomic<bool> changed_{false};
  std::mutex watch_mutex_;
  std::function<void()> on_change_;
};

/// Never destroyed: threads may count until the process ends.
registry& all() {
  static auto& one = *new registry;
  return one;
}

}  // namespace

void metrics::detail::series::add(double amount) noexcept {
  note(change::added);
  value_.fetch_add(amount, std::memory_order_relaxed);
  all().note_change();
}

void metrics::detail::series::set(double value) noexcept {
  note(change::set);
  value_.store(value, std::memory_order_relaxed);
  all().note_change();
}

void metrics::detail::series::observe(double value) noexcept {
  if (!std::isfinite(value)) return;
  note(change::added);
  auto place = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  auto at = static_cast<std::size_t>(place);
  counts_[at].fetch_add(1, std::memory_order_relaxed);
  value_.fetch_add(value, std::memory_order_relaxed);
  if (auto seen = exemplar::of(value); seen.trace) {
    std::lock_guard lock(exemplar_mutex_);
    exemplars_[at] = seen;
  }
  all().note_change();
}

metrics::counter::counter(const std::string& name, const std::string& help, const labels& of)
    : series_(all().get(metric_kind::counter, name, help, of, {})) {}
void metrics::counter::add(double amount) const noexcept {
  if (amount >= 0 && std::isfinite(amount)) series_->add(amount);
}

metrics::gauge::gauge(const std::string& name, const std::string& help, const labels& of)
    : series_(all().get(metric_kind::gauge, name, help, of, {})) {}
void metrics::gauge::set(double value) const noexcept { series_->set(value); }
void metrics::gauge::add(double amount) const noexcept { series_->add(amount); }

metrics::histogram::histogram(const std::string& name, const std::string& help, const labels& of,
                              std::vector<double> bounds) {
  if (bounds.empty()) bounds = request_like;
  bool in_order =
      std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()) == bounds.end();
  bool finite =
      std::all_of(bounds.begin(), bounds.end(), [](double b) { return std::isfinite(b); });
  if (!in_order || !finite || bounds.size() > bounds_max)
    throw failure(errc::invalid_spec,
                  "the bounds of a histogram are up to " + std::to_string(bounds_max) +
                      " numbers, each greater than the one before",
                  name);
  series_ = all().get(metric_kind::histogram, name, help, of, std::move(bounds));
}
void metrics::histogram::observe(double value) const noexcept { series_->observe(value); }

void add_to_own_metrics(const own_families& more) {
  for (auto& family : more)
    for (auto& one : family.series)
      (void)guarded("metrics of a job", [&] {
        all()
            .get(family.kind, family.name, family.help, one.labels, family.bounds)
            ->merge(family.kind, one);
        all().note_change();
      });
}

own_families own_metrics() { return all().now(false); }
own_families changed_own_metrics() { return all().now(true); }
void forget_own_metrics() { all().forget(); }

void watch_own_metrics(std::function<void()> changed) { all().watch(std::move(changed)); }

}  // namespace sm
