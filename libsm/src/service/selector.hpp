// Which services a broadcast addresses: `*`, a glob over names, `group:NAME` or `tag:NAME`.
#pragma once

#include <sm/service_spec.hpp>
#include <string>
#include <string_view>

namespace sm {

/// The group of the services that sm itself adds (queue consumers). `*` leaves them out; a glob
/// that names them ("consumer.*") or their group reaches them.
inline constexpr std::string_view builtin_group = "sm";

/// Several selectors are separated by commas; one of them is enough.
bool selects(std::string_view selector, const service_spec& spec) noexcept;

}  // namespace sm
