// What the user asks for: which type a service runs, how many of it, and how it is kept alive.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <sm/error.hpp>
#include <sm/json.hpp>
#include <string>
#include <vector>

namespace sm {

/// When an instance that ended by itself is started again (OTP: permanent, transient, temporary).
enum class restart_policy { always, on_failure, never };

/// The pause before a restart: none at first, then `min`, growing by `factor` up to `max` while the
/// instance keeps failing. An instance that ran for `reset_after` starts over without a pause.
struct backoff_policy {
  std::chrono::milliseconds min{100};
  std::chrono::milliseconds max{30'000};
  double factor = 2.0;
  double jitter = 0.2;  ///< share of the pause, 0 to 1, that is drawn at random around it
  std::chrono::milliseconds reset_after{10'000};

  friend bool operator==(const backoff_policy&, const backoff_policy&) = default;
};

/// OTP's restart intensity: more than `restarts` within `window` and the instance is FATAL.
struct intensity_policy {
  unsigned restarts = 10;
  std::chrono::milliseconds window{60'000};

  friend bool operator==(const intensity_policy&, const intensity_policy&) = default;
};

/// When a program counts as ready.
struct readiness {
  /// "delay": once it has run for `delay`. "notify": it sends READY=1 as with systemd
  /// (sd_notify(3)). "fd": it writes a newline to the descriptor SM_READY_FD, as with s6. "tcp":
  /// `target` ("127.0.0.1:8080") accepts a connection. "http": `target`
  /// ("http://127.0.0.1:8080/ok") answers with a status below 400.
  std::string kind = "delay";
  std::chrono::milliseconds delay{0};
  std::string target{};

  friend bool operator==(const readiness&, const readiness&) = default;
};

/// Asks a running program again and again; `failures` in a row and it is restarted by its policy.
struct health_check {
  std::string kind{};  ///< "" for none, "tcp" or "http"
  std::string target{};
  std::chrono::milliseconds interval{10'000};
  std::chrono::milliseconds timeout{2'000};
  unsigned failures = 3;
  std::chrono::milliseconds grace{0};  ///< from ready to the first check

  friend bool operator==(const health_check&, const health_check&) = default;
};

/// The log files of each instance: one is written, `keep` older ones stay.
struct log_policy {
  std::uint64_t max_size = 16 << 20;  ///< bytes of one file
  unsigned keep = 4;

  friend bool operator==(const log_policy&, const log_policy&) = default;
};

/// How `reload`, and a change that needs new processes, replaces the instances.
struct reload_policy {
  unsigned batch = 1;  ///< so many at a time
  /// "start-first": extra instances start and stand in, and when they do not become ready the old
  /// ones are left alone. "stop-first": one is stopped before its successor starts. "auto":
  /// start-first for services with sockets or several instances.
  std::string order = "auto";

  friend bool operator==(const reload_policy&, const reload_policy&) = default;
};

/// What a restart of one member means for the others of its group (OTP's supervisor strategies):
/// nothing; all are stopped and started again; those are that start after it (by `after` and
/// `requires`).
enum class group_strategy { one_for_one, one_for_all, rest_for_one };

/// A group of services, named by their `group`, that fails as a whole: when its members are
/// restarted more often than `intensity` allows, or one of them becomes FATAL, all become FATAL.
struct group_spec {
  std::string name{};
  group_strategy strategy = group_strategy::one_for_one;
  intensity_policy intensity{};
};

/// A service as the user wants it. Everything but `name` and `type` (or `command`) has a sensible
/// default.
struct service_spec {
  std::string name{};            ///< letters, digits, `_`, `-` and `.`; at most 64; unique
  std::string type{};            ///< a type registered with `server::type` or `server::actor`
  json params = json::object();  ///< handed to the type's constructor; a list of pairs is an object
  /// Names of parameters, at any depth, that are shown without their values. Those that are called
  /// password, token, api_key and the like are hidden without being named here.
  std::vector<std::string> secret_params{};
  unsigned instances = 1;  ///< processes; 0 keeps the service without running it
  bool autostart = true;   ///< false: a new one waits until it is started by hand
  restart_policy restart = restart_policy::always;
  std::vector<int> success_exit_codes = {0};  ///< not a failure for `on_failure`
  backoff_policy backoff{};
  intensity_policy intensity{};
  /// From spawn to ready. 0 stands for the default: 10 s, and systemd's 90 s for a program.
  std::chrono::milliseconds start_timeout{0};
  std::chrono::milliseconds stop_timeout{10'000};  ///< from the stop message to SIGKILL
  /// Without a sign of life for so long an instance hangs, and is killed. It is asked every half of
  /// it, so a handler may block for less than that. 0: never.
  std::chrono::milliseconds watchdog{30'000};
  std::string stop_signal =
      "TERM";  ///< sent at half of `stop_timeout` to who did not heed the message
  std::vector<std::string> after{};      ///< start after these, stop before them
  std::vector<std::string> requires_{};  ///< like `after`, and do not start unless these are ready
  std::string group{};                   ///< selectable as `group:NAME`
  std::vector<std::string> tags{};       ///< selectable as `tag:NAME`
  log_policy log{};
  reload_policy reload{};
  /// Limits of each instance with all its processes; 0 is none. The kernel's where control groups
  /// (v2) are delegated to the manager; elsewhere memory and tasks are looked at every two seconds,
  /// and an instance over one of them is killed.
  std::uint64_t memory_max = 0;  ///< bytes
  unsigned tasks_max = 0;        ///< processes and threads
  unsigned cpu_weight = 0;       ///< share under load, 1 to 10000, 100 is everybody's

  // -- a program instead of a type

  std::vector<std::string> command{};  ///< its arguments, the program first; no shell is involved
  std::map<std::string, std::string> env{};  ///< variables it gets
  /// Absolute paths of files of variables, read at each start; they win over `env`, later ones over
  /// earlier ones. One that begins with '-' may be missing. Rules: systemd.exec(5),
  /// EnvironmentFile=; what is wrong in one keeps the program from starting, and is told with file
  /// and line.
  std::vector<std::string> env_file{};
  /// Names or globs of the manager's variables it gets, too. With a `user`, "*" stands for PATH,
  /// LANG, LC_*, TZ and TERM only. What describes the manager's own start (SM_*, NOTIFY_SOCKET,
  /// LISTEN_*, WATCHDOG_*, ...) is never inherited.
  std::vector<std::string> inherit_env{"*"};
  std::string directory{};   ///< where it runs; "": where the manager does
  std::string user{};        ///< whom it runs as, by name or number; it cannot gain privileges then
  std::string user_group{};  ///< "": the user's own groups
  std::string umask{};       ///< octal, "022"; "": the manager's
  int nice = 0;              ///< added to the manager's, -20 to 19
  std::map<std::string, std::string> rlimits{};  ///< "nofile": "4096", "core": "unlimited", ...
  /// It and what it starts gain no privileges by executing a file (PR_SET_NO_NEW_PRIVS). So it is
  /// with a `user` or a `system_call_filter` anyhow.
  bool no_new_privileges = false;
  /// "CAP_NET_BIND_SERVICE": it and what it starts never have others, as root neither. One after
  /// the other is added, or taken away when it begins with "~", from all if the first does; "none".
  /// Empty: as the manager. Takes root.
  std::vector<std::string> capability_bounding_set{};
  /// /tmp and /var/tmp are empty, its own, and gone with it. Takes root.
  bool private_tmp = false;
  /// System calls ("mkdir") and systemd's groups of them ("@system-service", "~@privileged") that
  /// it may make, added and taken away likewise. Any other ends it by SIGSYS. Empty: all.
  std::vector<std::string> system_call_filter{};
  readiness ready{};
  health_check health{};
  /// Whom signals and the stop signal reach, in systemd's words. "mixed": the main process; what it
  /// leaves behind is killed at once. "main" (systemd's process): the main process; what it leaves
  /// behind has the rest of `stop_timeout` to end by itself. "group" (control-group): the main
  /// process's whole process group. SIGKILL goes to the whole tree in the end, always.
  std::string kill_mode = "mixed";
  /// Absolute path of the file into which a program that goes to the background writes its pid: the
  /// process of this pid, if the program started it, is the main process then. "": the program
  /// stays in the foreground.
  std::string pid_file{};
  /// Addresses ("127.0.0.1:8080", "[::1]:8080", "/run/web.sock") that are bound once and inherited
  /// by every instance from descriptor 3 on, with LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES as in
  /// sd_listen_fds(3).
  std::vector<std::string> sockets{};
  std::string socket_mode = "0600";  ///< octal, of the files of Unix sockets

  friend bool operator==(const service_spec&, const service_spec&) = default;
};

/// Upper bound of `instances`: a link slot is a 16-bit number.
inline constexpr unsigned max_instances = 1000;

/// Upper bound of `sockets`: they travel in one message.
inline constexpr std::size_t sockets_max = 16;

/// The type of services that run a program.
inline constexpr const char* program_type = "sm.program";

/// True for letters, digits, `_`, `-`, `.`; 1 to 64 of them, the first a letter or digit.
bool valid_name(std::string_view name) noexcept;

/// Puts in what is left to defaults that depend on other fields: the type of a program, the start
/// timeout.
void complete(service_spec& spec);

/// Checks what can be checked without the other services; the error's `where` is the field.
result<void> validate(const service_spec& spec);

/// Whether a reload starts new instances before it stops old ones.
bool starts_first(const service_spec& spec) noexcept;

/// The JSON form, as HTTP has it: durations as text ("1500ms"), every field
/// present.
json to_json(const service_spec& spec);

/// Reads a specification over `base`: what `document` does not mention stays as in `base`. Unknown
/// fields, wrong types and bad values fail with `invalid_spec` and the field's JSON pointer.
result<service_spec> spec_from_json(const json& document, service_spec base = {});

/// It runs a program that is not built on sm.
bool runs_program(const service_spec& spec) noexcept;

/// True when going from `a` to `b` needs new processes (another type, other parameters, another
/// command or another way to run it).
bool needs_restart(const service_spec& a, const service_spec& b);

/// Makes `to` start its processes as `from` does; the rest of it stays.
void take_process_fields(service_spec& to, const service_spec& from);

}  // namespace sm
