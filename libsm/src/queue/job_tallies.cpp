#include "queue/job_tallies.hpp"

#include <optional>

namespace sm {
namespace {

/// Where a job counts that ended so; nowhere when it did not end.
std::optional<std::size_t> place_of(job_outcome::kind how) {
  using kind = job_outcome::kind;
  switch (how) {
    case kind::done:
      return 0;
    case kind::failed_retry:
      return 1;
    case kind::failed_dead:
      return 2;
    case kind::cancelled:
      return 3;
    case kind::crashed:
      return 4;
    case kind::returned:
      break;
  }
  return {};
}

}  // namespace

job_tally& job_tally::operator+=(const job_tally& other) noexcept {
  for (std::size_t i = 0; i < ended.size(); ++i) ended[i] += other.ended[i];
  took += other.took;
  return *this;
}

job_tally& job_tallies::at(std::string_view queue, std::string_view type) {
  auto found = tallies_.find(std::pair{queue, type});
  if (found != tallies_.end()) return found->second;
  if (tallies_.size() >= pairs_max) return tallies_[{"other", "other"}];
  return tallies_[{std::string(queue), std::string(type)}];
}

void job_tallies::add(std::string_view queue, std::string_view type, job_outcome::kind how,
                      double seconds) {
  auto place = place_of(how);
  if (!place) return;
  auto& t = at(queue, type);
  ++t.ended[*place];
  t.took.add(seconds);
}

void job_tallies::add(const job_tallies& others) {
  for (auto& [which, t] : others.tallies_) at(which.first, which.second) += t;
}

job_tally job_tallies::sum() const noexcept {
  job_tally all;
  for (auto& [which, t] : tallies_) all += t;
  return all;
}

void job_tallies::write(metric_page& page) const {
  page.family("sm_jobs", "counter", "Attempts at jobs that have ended, by how.");
  for (auto& [which, t] : tallies_)
    for (std::size_t i = 0; i < t.ended.size(); ++i)
      page.sample(
          "sm_jobs_total",
          {{"queue", which.first}, {"type", which.second}, {"outcome", job_tally::outcomes[i]}},
          t.ended[i]);
  page.family("sm_job_duration_seconds", "histogram", "How long the attempts took.");
  for (auto& [which, t] : tallies_)
    t.took.write(page, "sm_job_duration_seconds", {{"queue", which.first}, {"type", which.second}});
}

std::string job_tallies::encode() const {
  json all = json::array();
  for (auto& [which, t] : tallies_)
    all.push_back({which.first, which.second, t.ended, t.took.counts, t.took.sum});
  return print_json(all);
}

result<job_tallies> job_tallies::decode(const std::string& text) {
  auto all = parse_json(text);
  if (!all) return tl::unexpected<error>(all.error());
  auto wrong = [](std::string where, const char* why) {
    return fail(errc::bad_arguments, why, std::move(where));
  };
  if (!all->is_array()) return wrong("", "must be an array");
  job_tallies out;
  for (std::size_t i = 0; i < all->size(); ++i) {
    auto& each = (*all)[i];
    auto where = "/" + std::to_string(i);
    if (!each.is_array() || each.size() != 5 || !each[0].is_string() || !each[1].is_string())
      return wrong(where, "must be [queue, type, ended, lasted, seconds]");
    job_tally t;
    auto counts = [](const json& given, auto& taken) {
      if (!given.is_array() || given.size() != taken.size()) return false;
      for (std::size_t n = 0; n < taken.size(); ++n) {
        if (!given[n].is_number_unsigned()) return false;
        taken[n] = given[n].template get<std::uint64_t>();
      }
      return true;
    };
    if (!counts(each[2], t.ended) || !counts(each[3], t.took.counts))
      return wrong(where, "must count with whole numbers");
    if (!each[4].is_number() || each[4].get<double>() < 0)
      return wrong(where + "/4", "must be a number of seconds");
    t.took.sum = each[4].get<double>();
    out.at(each[0].get_ref<const std::string&>(), each[1].get_ref<const std::string&>()) += t;
  }
  return out;
}

void tally_board::end(std::uint64_t process) {
  auto found = live_.find(process);
  if (found == live_.end()) return;
  ended_.add(found->second);
  live_.erase(found);
}

job_tallies tally_board::sum() const {
  auto all = ended_;
  for (auto& [process, tallies] : live_) all.add(tallies);
  return all;
}

}  // namespace sm
