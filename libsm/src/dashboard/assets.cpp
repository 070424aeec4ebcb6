#include "dashboard/assets.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "embedded/dashboard.hpp"

namespace sm {
namespace {

namespace files = embedded::dashboard;

constexpr std::string_view script = "text/javascript; charset=utf-8";
constexpr std::array assets{
    dashboard_asset{"/ui/assets/actions.js", script, files::actions_js},
    dashboard_asset{"/ui/assets/ask.js", script, files::ask_js},
    dashboard_asset{"/ui/assets/commands.js", script, files::commands_js},
    dashboard_asset{"/ui/assets/dashboard.css", "text/css; charset=utf-8", files::dashboard_css},
    dashboard_asset{"/ui/assets/dashboard.js", script, files::dashboard_js},
    dashboard_asset{"/ui/assets/live.js", script, files::live_js},
    dashboard_asset{"/ui/assets/log.js", script, files::log_js},
    dashboard_asset{"/ui/assets/morph.js", script, files::morph_js},
    dashboard_asset{"/ui/assets/icon.svg", "image/svg+xml", files::icon_svg}};

}  // namespace

std::span<const dashboard_asset> dashboard_assets() { return assets; }

const std::string& version_of_assets() {
  static const std::string version = [] {
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a: a change is to be seen, not a forgery
    for (auto& asset : assets)
      for (char c : asset.bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return fmt::format("{:016x}", hash);
  }();
  return version;
}

}  // namespace sm
