#include <sm/api_role.hpp>

namespace sm {

std::string_view to_string(api_role role) noexcept {
  switch (role) {
    case api_role::viewer:
      return "viewer";
    case api_role::operate:
      return "operator";
    case api_role::admin:
      return "admin";
  }
  return {};
}

std::optional<api_role> parse_role(std::string_view text) noexcept {
  for (auto role : {api_role::viewer, api_role::operate, api_role::admin})
    if (text == to_string(role)) return role;
  return std::nullopt;
}

}  // namespace sm
