#include "telemetry/own_metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sm {
namespace {

bool is_name(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= 200 && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// As client libraries write it, so that the label of a bucket stays the same: "1.0".
std::string bound_text(double bound) {
  std::array<char, 32> digits;
  auto [end, ec] =
      std::to_chars(digits.data(), digits.data() + digits.size(), bound, std::chars_format::fixed);
  auto text = ec == std::errc{} ? std::string(digits.data(), end) : metric_number(bound);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

/// A family with all its processes.
struct gathered {
  const own_family* first = nullptr;
  std::vector<std::pair<const own_report*, const own_family*>> parts;
};

/// The samples of one family, with what the series of its processes share written once.
class family_writer {
 public:
  family_writer(metric_page& page, const own_family& first)
      : page_(page), total_(first.name + "_total"), bucket_(first.name + "_bucket") {}

  void write(const own_family& family, const own_report& from) {
    if (bounds_ != family.bounds || le_.empty()) {
      bounds_ = family.bounds;
      le_.clear();
      for (auto bound : bounds_) le_.push_back(bound_text(bound));
      le_.emplace_back("+Inf");
    }
    for (auto& series : family.series) write(family, from, series);
  }

 private:
  void write(const own_family& family, const own_report& from, const own_series& series) {
    labels_.clear();
    for (auto& [name, value] : series.labels) labels_.emplace_back(name, value);
    labels_.emplace_back("service", from.service);
    labels_.emplace_back("process", from.instance);
    if (family.kind == metric_kind::counter) return page_.sample(total_, labels_, series.value);
    if (family.kind == metric_kind::gauge) return page_.sample(family.name, labels_, series.value);
    std::uint64_t up_to = 0;
    labels_.emplace_back("le", "");
    for (std::size_t i = 0; i < series.counts.size() && i < le_.size(); ++i) {
      up_to += series.counts[i];
      labels_.back().second = le_[i];
      page_.sample(bucket_, labels_, up_to,
                   i < series.exemplars.size() ? series.exemplars[i] : exemplar{});
    }
    labels_.pop_back();
    page_.sample(family.name + "_sum", labels_, series.value);
    page_.sample(family.name + "_count", labels_, up_to);
  }

  metric_page& page_;
  const std::string total_, bucket_;
  std::vector<double> bounds_;
  std::vector<std::string> le_;
  std::vector<metric_page::label> labels_;
};

}  // namespace

std::string_view to_string(metric_kind kind) noexcept {
  constexpr std::array<std::string_view, 3> kinds{"counter", "gauge", "histogram"};
  return kinds[static_cast<std::size_t>(kind)];
}

std::vector<std::string> write_own_metrics(metric_page& page, std::span<const own_report> reports) {
  std::map<std::string_view, gathered> all;
  std::vector<std::string> left_out;
  for (auto& report : reports)
    for (auto& family : *report.families) {
      auto& of = all[family.name];
      if (!of.first) of.first = &family;
      if (of.first->kind == family.kind)
        of.parts.emplace_back(&report, &family);
      else
        left_out.push_back(family.name);
    }
  for (auto& [name, of] : all) {
    page.family(name, to_string(of.first->kind), of.first->help);
    family_writer out(page, *of.first);
    for (auto& [report, family] : of.parts) out.write(*family, *report);
  }
  return left_out;
}

metrics::labels shown_labels(metrics::labels labels) {
  std::erase_if(labels, [](auto& label) { return label.second.empty(); });
  for (auto& [name, value] : labels)
    if (!is_utf8(value)) value = json::parse(print_json(json(value))).get<std::string>();
  std::sort(labels.begin(), labels.end());
  return labels;
}

std::optional<std::string> fault_of_metric(metric_kind kind, std::string_view name,
                                           const metrics::labels& labels) {
  if (!is_name(name)) return "a metric's name has letters, digits and '_', and no digit in front";
  if (name.starts_with("sm_") || name.starts_with("process_"))
    return "names that begin with 'sm_' or 'process_' are sm's own";
  // The samples of one family must not read as those of another (OpenMetrics 1.0, "Suffixes").
  for (std::string_view end : {"_bucket", "_created", "_total"})
    if (name.ends_with(end)) return "a name does not end in '" + std::string(end) + "'";
  if (kind != metric_kind::histogram)
    for (std::string_view end : {"_count", "_sum"})
      if (name.ends_with(end))
        return "'" + std::string(end) + "' ends the samples of a histogram; choose another name";
  auto shown = shown_labels(labels);
  for (std::size_t i = 1; i < shown.size(); ++i)
    if (shown[i].first == shown[i - 1].first)
      return "the label '" + shown[i].first + "' is given twice";
  for (auto& [label, value] : labels) {
    if (!is_name(label) || label.starts_with("__")) return "'" + label + "' is no name of a label";
    if (label == "service" || label == "process" || label == "le")
      return "the label '" + label + "' is sm's own";
  }
  return std::nullopt;
}

}  // namespace sm
