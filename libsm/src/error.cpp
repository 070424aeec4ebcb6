#include <sm/error.hpp>

#include <algorithm>
#include <array>

namespace sm {
namespace {

constexpr std::array table{
    errc_traits{errc::bad_request, "bad_request", "The request is not valid", 400, 2},
    errc_traits{errc::bad_arguments, "bad_arguments", "The arguments do not fit", 422, 2},
    errc_traits{errc::invalid_spec, "invalid_spec", "The specification is not valid", 422, 2},
    errc_traits{errc::unknown_type, "unknown_type", "No such service type", 422, 2},
    errc_traits{errc::unknown_service, "unknown_service", "No such service", 404, 4},
    errc_traits{errc::unknown_command, "unknown_command", "No such command", 404, 1},
    errc_traits{errc::not_found, "not_found", "Not found", 404, 4},
    errc_traits{errc::not_running, "not_running", "The service is not running", 503, 7},
    errc_traits{errc::handler_failed, "handler_failed", "The handler failed", 502, 1},
    errc_traits{errc::timeout, "timeout", "No answer in time", 504, 75},
    errc_traits{errc::overloaded, "overloaded", "Too much work is outstanding", 503, 75},
    errc_traits{errc::unavailable, "unavailable", "A part that is needed is not available", 503,
                69},
    errc_traits{errc::cancelled, "cancelled", "The call was cancelled", 503, 1},
    errc_traits{errc::conflict, "conflict", "The request conflicts with the present state", 409, 1},
    errc_traits{errc::unauthorized, "unauthorized", "A valid token is needed", 401, 77},
    errc_traits{errc::forbidden, "forbidden", "Not allowed", 403, 77},
    errc_traits{errc::method_not_allowed, "method_not_allowed", "Method not allowed", 405, 2},
    errc_traits{errc::request_timeout, "request_timeout", "The request took too long", 408, 75},
    errc_traits{errc::payload_too_large, "payload_too_large", "The body is too large", 413, 2},
    errc_traits{errc::unsupported_media_type, "unsupported_media_type", "The body must be JSON",
                415, 2},
    errc_traits{errc::misdirected, "misdirected", "This host is not served here", 421, 2},
    errc_traits{errc::header_too_large, "header_too_large", "The header is too large", 431, 2},
    errc_traits{errc::shutting_down, "shutting_down", "The manager is shutting down", 503, 69},
    errc_traits{errc::internal, "internal", "Internal error", 500, 1},
    errc_traits{errc::too_many_attempts, "too_many_attempts", "Too many wrong tokens", 429, 77},
};

constexpr bool rows_stand_at_their_codes() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].code) != i) return false;
  return table.back().code == errc::too_many_attempts;
}
static_assert(rows_stand_at_their_codes());

}  // namespace

const errc_traits& traits(errc code) noexcept {
  auto index = static_cast<std::size_t>(code);
  return index < table.size() ? table[index] : table.back();
}

std::optional<errc> errc_from_name(std::string_view name) noexcept {
  auto row = std::find_if(table.begin(), table.end(), [&](auto& t) { return t.name == name; });
  if (row == table.end()) return std::nullopt;
  return row->code;
}

std::string to_string(const error& e) {
  std::string text{to_string(e.code)};
  if (!e.where.empty()) text += " at " + e.where;
  if (!e.detail.empty()) text += ": " + e.detail;
  return text;
}

}  // namespace sm
