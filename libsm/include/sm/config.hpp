// The manager's settings: the values a program sets in code and an operator overrides by
// environment. SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <sm/error.hpp>
#include <string>
#include <vector>

namespace sm {

struct http_config {
  std::string listen = "127.0.0.1:9501";  ///< address:port; port 0 takes a free one; "" is no TCP
  std::vector<std::string> hosts{};       ///< names accepted in Host besides the loopback ones
  std::vector<std::string> origins{};     ///< of pages that may call, such as https://app.example
  /// PEM, with the chain: HTTPS instead of HTTP on TCP. Read again when it changes.
  std::filesystem::path tls_certificate{};
  std::filesystem::path tls_key{};  ///< PEM
  /// PEM: the authorities of clients' certificates. Who shows one of theirs has the role that
  /// `tls_client_roles` gives to a name of it.
  std::filesystem::path tls_client_ca{};
  /// "ci.example=operator"; a name is the common name, or a DNS name, mail address or URI of the
  /// subject's alternative names; "*" is every certificate.
  std::vector<std::string> tls_client_roles{};
  /// A Unix socket besides that of the state folder, for those of `socket_roles`; "" is none.
  std::filesystem::path socket{};
  /// Users and groups of this host, and what they may do on that socket and on inherited ones:
  /// "alice=operator", "@ops=viewer". The manager's own user and root may all.
  std::vector<std::string> socket_roles{};
  bool insecure = false;                ///< without TLS: a listen address that is no loopback one
  bool programs = false;                ///< adding and changing services with a `command` over TCP
  bool dashboard = true;                ///< the pages at / and under /ui
  bool open_metrics = false;            ///< /metrics and /readyz?verbose over TCP without the token
  std::uint64_t header_max = 16 << 10;  ///< bytes; more is 431
  std::uint64_t body_max = 1 << 20;     ///< bytes; more is 413
  std::uint64_t bodies_max = 64 << 20;  ///< bytes of all requests of a listener; more is 503
  std::chrono::milliseconds header_timeout{10'000};   ///< first byte to end of header; then 408
  std::chrono::milliseconds body_timeout{30'000};     ///< end of header to end of body; then 408
  std::chrono::milliseconds idle_timeout{75'000};     ///< between requests; then closed
  std::chrono::milliseconds request_timeout{60'000};  ///< for a handler to answer; then 504
  std::chrono::milliseconds write_timeout{30'000};    ///< without progress in sending; then closed
  /// Of each listener. Beyond it the longest idle one is closed, or 503 if none is. TCP takes no
  /// more than half of the process's descriptors.
  unsigned connections_max = 4096;
  /// Requests waiting for their answer, of each listener and kind of route (probes, management,
  /// the program's own); more is 503.
  unsigned pending_max = 4096;
};

struct link_config {
  unsigned commands_max = 4096;        ///< unanswered commands per process; more is `overloaded`
  std::uint64_t bytes_max = 16 << 20;  ///< their bytes; more is `overloaded`
  std::chrono::milliseconds command_timeout{2'000};  ///< of a command that names none
};

struct queue_config {
  /// "sqlite:PATH", or "redis://[user[:password]@]host[:port][/db]" and its kin (docs/queue.md); ""
  /// is queue.db in the state folder.
  std::string url{};
  std::filesystem::path url_file{};     ///< whose first line is the URL: keeps a password unseen
  std::string sync = "full";            ///< SQLite: "normal" may lose the last jobs on power loss
  std::uint64_t payload_max = 1 << 20;  ///< bytes of one job
  std::chrono::milliseconds lease{30'000};  ///< a consumer that is silent for so long lost its job
  /// For the store to answer, an enqueue and any other call; then it is `unavailable`.
  std::chrono::milliseconds enqueue_timeout{5'000};
  std::chrono::milliseconds cancel_grace{5'000};  ///< for a job that was asked to end; then SIGKILL
  std::chrono::milliseconds id_window{24 * 3'600'000};  ///< an id of the caller's own is one job
  std::uint64_t dead_max = 100'000;  ///< failed jobs that are kept; the oldest go first
  std::chrono::milliseconds dead_age{std::chrono::hours(24 * 180)};  ///< older ones go
  /// Redis: an enqueue succeeds once so many replicas have it, too (WAIT); fewer is `unavailable`.
  unsigned replicas = 0;
  /// RESQUE_SCHEDULER_MASTER_LOCK_PREFIX of the resque-scheduler that shares the database, if any.
  std::string scheduler_lock_prefix{};
};

struct manager_config {
  std::filesystem::path state{};  ///< state folder; "" is the default place (docs/files.md)
  std::string log_level = "info";
  std::chrono::milliseconds shutdown_timeout{30'000};  ///< whole stop; then everything is killed
  /// For the next manager to come when this one was killed; then the services stop. 0: at once.
  std::chrono::milliseconds orphan_grace{30'000};
  /// A control group for each run of an instance, where they are ours to make: "limits" for those
  /// with a limit, "always", or "never". Entering one can take a process 10 ms.
  std::string cgroups = "limits";
};

struct log_config {
  bool access = false;  ///< log/access.log: a line of JSON for each request
  bool audit = true;    ///< log/audit.log: a line for each operation that changes something
  /// How long the logs of a removed service are kept, of the latest hundred removals. 0: not at
  /// all.
  std::chrono::milliseconds keep_removed{std::chrono::hours(24)};
};

struct trace_config {
  /// A collector that takes OTLP over HTTP, as JSON: "http://127.0.0.1:4318"; "" exports no spans.
  std::string endpoint{};
  double sample =
      0.01;  ///< share of the traces that begin here, 0 to 1; a caller's own flag counts
};

struct config {
  manager_config manager{};
  log_config log{};
  http_config http{};
  link_config link{};
  queue_config queue{};
  trace_config trace{};
};

/// Sets the value called `key` ("http.body_max") from text. Fails with `bad_arguments`; an unknown
/// key is answered with the nearest known one.
result<void> set_config_value(config& c, std::string_view key, std::string_view text);

/// Applies every variable of the form SM_SECTION__KEY ("SM_HTTP__BODY_MAX=4MiB") of `environment`,
/// a null-terminated list as in environ(7).
result<void> apply_environment(config& c, const char* const* environment);

/// Every key with its present value, for --help and the documentation.
std::vector<std::pair<std::string, std::string>> list_config(const config& c);

}  // namespace sm
