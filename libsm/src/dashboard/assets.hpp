// The files of the dashboard's pages. Their address has their version in its query, so that a
// browser keeps them for as long as they stay the same.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sm {

struct dashboard_asset {
  std::string_view path, content_type, bytes;
};
std::span<const dashboard_asset> dashboard_assets();

/// Of all of them, in hex.
const std::string& version_of_assets();

}  // namespace sm
