#include "telemetry/own_metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "json_members.hpp"

namespace sm {
namespace {

constexpr std::array<std::string_view, 3> kinds{"counter", "gauge", "histogram"};

bool is_name(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= 200 && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// JSON has no number that is not finite.
json number_in_json(double value) {
  return std::isfinite(value) ? json(value) : json(metric_number(value));
}

double number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  auto text = value.get<std::string>();
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  return text == "+Inf" ? infinity : text == "-Inf" ? -infinity : std::nan("");
}

json to_json(const own_series& s) {
  json document{{"labels", s.labels}, {"value", number_in_json(s.value)}};
  if (s.set) document["set"] = true;
  if (!s.counts.empty()) document["counts"] = s.counts;
  for (std::size_t i = 0; i < s.exemplars.size(); ++i)
    if (auto& e = s.exemplars[i]; e.trace)
      document["exemplars"].push_back({i, e.trace.traceparent(), number_in_json(e.value), e.at});
  return document;
}

own_series series_of(const json& document) {
  own_series s{.labels = document.at("labels").get<metrics::labels>(),
               .value = number_of(document.at("value")),
               .counts = document.value("counts", std::vector<std::uint64_t>{})};
  s.set = document.value("set", false);
  for (auto& e : document.value("exemplars", json::array())) {
    s.exemplars.resize(s.counts.size());
    s.exemplars.at(e.at(0).get<std::size_t>()) = {
        read_traceparent(e.at(1).get<std::string>()).value_or(trace_context{}), number_of(e.at(2)),
        e.at(3).get<double>()};
  }
  return s;
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

void write_series(metric_page& page, const own_family& family, const own_report& from,
                  const own_series& series) {
  metric_page::labels of;
  for (auto& [name, value] : series.labels) of.emplace_back(name, value);
  of.emplace_back("service", from.service);
  of.emplace_back("process", from.instance);
  if (family.kind == metric_kind::counter)
    return page.sample(family.name + "_total", of, series.value);
  if (family.kind == metric_kind::gauge) return page.sample(family.name, of, series.value);
  std::uint64_t up_to = 0;
  auto bucket = family.name + "_bucket";
  of.emplace_back("le", "");
  for (std::size_t i = 0; i < series.counts.size(); ++i) {
    up_to += series.counts[i];
    auto bound = i < family.bounds.size() ? bound_text(family.bounds[i]) : "+Inf";
    of.back().second = bound;
    page.sample(bucket, of, up_to, i < series.exemplars.size() ? series.exemplars[i] : exemplar{});
  }
  of.pop_back();
  page.sample(family.name + "_sum", of, series.value);
  page.sample(family.name + "_count", of, up_to);
}

}  // namespace

std::string_view to_string(metric_kind kind) noexcept {
  return kinds[static_cast<std::size_t>(kind)];
}

std::string encode(const own_families& families) {
  json document = json::array();
  for (auto& family : families) {
    json series = json::array();
    for (auto& s : family.series) series.push_back(to_json(s));
    document.push_back({{"name", family.name},
                        {"kind", to_string(family.kind)},
                        {"help", family.help},
                        {"bounds", family.bounds},
                        {"series", std::move(series)}});
  }
  return print_json(document);
}

result<own_families> decode_families(std::string_view text) try {
  auto document = parse_json(text);
  if (!document) return tl::unexpected<error>(document.error());
  own_families families;
  for (auto& f : *document) {
    auto kind = std::find(kinds.begin(), kinds.end(), f.at("kind").get<std::string>());
    own_family family{.name = f.at("name").get<std::string>(),
                      .kind = static_cast<metric_kind>(kind - kinds.begin()),
                      .help = f.at("help").get<std::string>(),
                      .bounds = f.at("bounds").get<std::vector<double>>()};
    if (kind == kinds.end() || fault_of_metric(family.kind, family.name, {}))
      return fail(errc::bad_arguments, "no metric", family.name);
    for (auto& s : f.at("series")) {
      family.series.push_back(series_of(s));
      auto& counts = family.series.back().counts;
      if (fault_of_metric(family.kind, family.name, family.series.back().labels) ||
          (family.kind == metric_kind::histogram && counts.size() != family.bounds.size() + 1))
        return fail(errc::bad_arguments, "no series", family.name);
    }
    families.push_back(std::move(family));
  }
  return families;
} catch (const std::exception& e) {  // of another shape
  return fail(errc::bad_arguments, e.what());
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
    for (auto& [report, family] : of.parts)
      for (auto& series : family->series) write_series(page, *family, *report, series);
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
