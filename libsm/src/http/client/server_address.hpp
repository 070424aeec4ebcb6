// Where a manager is, and how one is found by who was told nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <sm/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/state_folder.hpp"

namespace sm {

/// A Unix socket, or a host and port.
struct server_address {
  std::filesystem::path socket{};
  std::string host{}, port{};

  bool is_local() const noexcept { return !socket.empty(); }
  /// "unix:///run/x/sm.sock", "http://127.0.0.1:9501".
  std::string text() const;

  friend bool operator==(const server_address&, const server_address&) = default;
};

/// Reads "unix:///PATH", "http://HOST[:PORT]" (9501 without one), or the path of a socket or of the
/// state folder that has it. Fails with `bad_arguments`.
result<server_address> parse_server_address(std::string_view text);

/// What there is at a place where a manager may be.
enum class socket_state { none, dead, forbidden, serves };

/// The state of the manager's socket in a state folder: connects to it, and hangs up.
socket_state look_at(const std::filesystem::path& state_folder);

struct search_surroundings {
  std::filesystem::path here;  ///< the working directory
  state_surroundings around;
  std::filesystem::path system = "/var/lib/sm";
  std::function<socket_state(const std::filesystem::path&)> look = look_at;
};

/// The manager that serves from the first of these places: `.sm` of the working directory or of one
/// above it; the folder in which this user's managers keep theirs by default
/// (`default_state_path`); the system's. Where several serve in one place, "smd" is the one; when
/// it is not among them, fails with `bad_arguments` and their names. Fails with `unavailable` and
/// where it looked when none serves, and with `forbidden` when there is one that this user may not
/// talk to.
result<server_address> find_manager(const search_surroundings& where);

}  // namespace sm
