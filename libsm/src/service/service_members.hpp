// What a listing says of each service, beside its name and its state. A query may choose from it.
#pragma once

#include <array>
#include <cstdint>
#include <sm/json.hpp>
#include <stdexcept>
#include <string_view>

namespace sm {

inline constexpr std::array<std::string_view, 24> service_members{
    "type",        "group",       "tags",         "node",        "desired",   "origin",
    "ready",       "done",        "instances",    "restarts",    "outdated",  "reason",
    "waits_for",   "rollout",     "last_exit",    "uptime_s",    "build",     "pid",
    "adapter_pid", "cpu_seconds", "memory_bytes", "status_text", "reloading", "instance_list"};

/// The place of a member in the table; one that is not there does not compile.
struct service_member {
  unsigned place;
  consteval service_member(std::string_view name) : place(0) {  // NOLINT: as a name is written
    while (place < service_members.size() && service_members[place] != name) ++place;
    if (place == service_members.size()) throw std::logic_error("a service has no such member");
  }
  consteval service_member(const char* name) : service_member(std::string_view(name)) {}  // NOLINT
};

/// Those that somebody wants to see.
class chosen_members {
 public:
  chosen_members() = default;  ///< all
  /// Names by commas; those that are none choose nothing. No name at all chooses all.
  explicit chosen_members(std::string_view list) noexcept;

  bool has(service_member m) const noexcept { return chosen(m.place); }
  /// Whether one of them is known from /proc alone.
  bool need_usage() const noexcept {
    return has("cpu_seconds") || has("memory_bytes") || has("outdated") || has("build") ||
           has("instance_list");
  }
  /// The service without what is not chosen.
  json of(json service) const;

 private:
  bool chosen(std::size_t place) const noexcept { return (bits_ >> place & 1U) != 0; }

  std::uint32_t bits_ = ~0U;
};

}  // namespace sm
