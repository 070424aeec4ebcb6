// OpenMetrics' text form, which Prometheus reads: the parts that all families share.
#pragma once

#include <string>
#include <string_view>

namespace sm {

/// A label's value: backslash, quote and line feed are escaped.
std::string escaped_label(std::string_view text);

/// The lines that introduce a family. A counter's samples then end in "_total".
std::string metric_family(std::string_view name, std::string_view type, std::string_view help);

}  // namespace sm
