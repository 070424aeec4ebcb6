#include "telemetry/open_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sm/json.hpp>

namespace sm {
namespace {

std::string escaped_label(std::string_view text) {
  std::string clean(is_utf8(text) ? text : std::string_view{});
  if (clean.empty() && !text.empty())
    clean = json::parse(print_json(json(text))).get<std::string>();
  std::string out;
  for (char c : clean) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

void append_label(std::string& out, std::string_view text) {
  bool plain = std::all_of(text.begin(), text.end(),
                           [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (plain)
    out += text;
  else
    out += escaped_label(text);
}

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 32> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

std::string metric_number(double value) {
  std::string text;
  if (std::isnan(value))
    text = "NaN";
  else if (std::isinf(value))
    text = value > 0 ? "+Inf" : "-Inf";
  else
    append_number(text, value);
  return text;
}

void metric_page::family(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# TYPE {} {}\n# HELP {} ", name, type, name);
  append_label(text_, help);
  text_ += '\n';
}

void metric_page::begin_sample(std::string_view name, labels of) {
  text_ += name;
  char before = '{';
  for (auto& [label, value] : of) {
    if (value.empty()) continue;
    text_ += std::exchange(before, ',');
    text_ += label;
    text_ += "=\"";
    append_label(text_, value);
    text_ += '"';
  }
  text_ += before == '{' ? " " : "} ";
}

void metric_page::end_sample(std::uint64_t value) {
  append_number(text_, value);
  text_ += '\n';
}

void metric_page::sample(std::string_view name, labels of, double value) {
  begin_sample(name, of);
  text_ += metric_number(value);
  text_ += '\n';
}

void metric_page::sample(std::string_view name, labels of, std::uint64_t value,
                         const exemplar& seen) {
  begin_sample(name, of);
  append_number(text_, value);
  if (seen.trace)
    text_ += fmt::format(" # {{trace_id=\"{}\"}} {} {:.3f}", seen.trace.trace_id(),
                         metric_number(seen.value), seen.at);
  text_ += '\n';
}

}  // namespace sm
