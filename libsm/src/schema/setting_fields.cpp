// A row is all that a setting needs beside its member: flags, the environment, the file, plans and
// the documentation read it.
#include "schema/setting_fields.hpp"

namespace sm {
namespace {

constexpr std::string_view log_levels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view cgroup_words[] = {"limits", "always", "never"};
constexpr std::string_view sync_words[] = {"full", "normal"};

constexpr field_row of_manager[] = {
    row<&manager_config::state>("state",
                                "the state folder; empty for the default place (docs/files.md)"),
    row<&manager_config::log_level>("log_level", "`debug`, `info`, `warn` or `error`",
                                    {.words = log_levels}),
    row<&manager_config::shutdown_timeout>("shutdown_timeout",
                                           "for the whole stop; then everything is killed. As PID "
                                           "1 of a container 9s, if nothing else is said"),
    row<&manager_config::orphan_grace>("orphan_grace",
                                       "how long services wait for the next manager when this one "
                                       "was killed; then they stop"),
    row<&manager_config::cgroups>("cgroups",
                                  "a control group for instances with a limit (`limits`), for all "
                                  "(`always`) or for none (`never`)",
                                  {.words = cgroup_words}),
};

constexpr field_row of_log_config[] = {
    row<&log_config::access>("access", "`log/access.log`: a line of JSON for each request"),
    row<&log_config::audit>("audit",
                            "`log/audit.log`: a line for each operation that changes something"),
    row<&log_config::keep_removed>("keep_removed",
                                   "how long the logs of a removed service are kept; 0 drops them "
                                   "at once"),
};

constexpr field_row of_http[] = {
    row<&http_config::listen>("listen", "address:port; port 0 takes a free one; empty for no TCP"),
    row<&http_config::hosts>("hosts", "names that are accepted in Host besides the loopback ones"),
    row<&http_config::origins>("origins",
                               "origins of pages that may call, such as `https://app.example`"),
    row<&http_config::tls_certificate>(
        "tls_certificate",
        "PEM file with the certificate and its chain: HTTPS instead of HTTP over TCP; read again "
        "when it changes"),
    row<&http_config::tls_key>("tls_key", "PEM file with its key"),
    row<&http_config::tls_client_ca>("tls_client_ca",
                                     "PEM file with the authorities of clients' certificates: a "
                                     "name with a rule needs no token; "
                                     "read again when it changes"),
    row<&http_config::tls_client_roles>(
        "tls_client_roles",
        "what names of those certificates may do, such as `ci.example=operator`; `*` is all"),
    row<&http_config::socket>("socket",
                              "path of a Unix socket for the users of http.socket_roles; empty for "
                              "none"),
    row<&http_config::socket_roles>("socket_roles",
                                    "what users and groups of this host may do on it, such as "
                                    "`alice=operator` and `@ops=viewer`"),
    row<&http_config::insecure>("insecure",
                                "without TLS: allows a listen address that is not a loopback one"),
    row<&http_config::programs>("programs",
                                "adding and changing services with a `command` over TCP"),
    row<&http_config::dashboard>("dashboard", "the pages at / and under /ui"),
    row<&http_config::open_metrics>("open_metrics",
                                    "/metrics and /readyz?verbose over TCP without the token"),
    row<&http_config::header_max>("header_max", "bytes of a request's header; more is 431"),
    row<&http_config::body_max>("body_max", "bytes of a request's body; more is 413"),
    row<&http_config::bodies_max>("bodies_max", "bytes of all requests of a listener; more is 503"),
    row<&http_config::header_timeout>("header_timeout",
                                      "from the first byte to the end of the header; then 408"),
    row<&http_config::body_timeout>("body_timeout",
                                    "from the end of the header to that of the body; then 408"),
    row<&http_config::idle_timeout>("idle_timeout",
                                    "between requests; then the connection is closed"),
    row<&http_config::request_timeout>("request_timeout", "for a handler to answer; then 504"),
    row<&http_config::write_timeout>("write_timeout",
                                     "without progress in sending; then the connection is closed"),
    row<&http_config::connections_max>("connections_max",
                                       "connections of each listener; beyond it the longest idle "
                                       "one is closed, or 503"),
    row<&http_config::pending_max>("pending_max",
                                   "requests of each listener and kind of route that wait for "
                                   "their answer; more is 503"),
};

constexpr field_row of_link[] = {
    row<&link_config::commands_max>("commands_max",
                                    "unanswered commands of a process; more is `overloaded`"),
    row<&link_config::bytes_max>("bytes_max", "their bytes; more is `overloaded`"),
    row<&link_config::command_timeout>("command_timeout", "of a command that names none"),
};

constexpr field_row of_queue[] = {
    row<&queue_config::url>("url",
                            "`sqlite:PATH`, or `redis://...` (docs/queue.md); empty for queue.db "
                            "in the state folder",
                            {.hides = hiding::password}),
    row<&queue_config::url_file>("url_file", "a file whose first line is the URL"),
    row<&queue_config::sync>("sync",
                             "SQLite: `full`, or `normal`, which may lose the last jobs on power "
                             "loss",
                             {.words = sync_words}),
    row<&queue_config::payload_max>("payload_max", "bytes of one job"),
    row<&queue_config::lease>("lease", "a consumer that is silent for so long lost its job"),
    row<&queue_config::enqueue_timeout>("enqueue_timeout",
                                        "for the store to answer; then it is `unavailable`"),
    row<&queue_config::cancel_grace>("cancel_grace",
                                     "for a job that was asked to end; then it is killed"),
    row<&queue_config::id_window>("id_window",
                                  "how long an id of the caller's own means the same job"),
    row<&queue_config::dead_max>("dead_max", "failed jobs that are kept; the oldest go first"),
    row<&queue_config::dead_age>("dead_age", "older failed jobs go"),
    row<&queue_config::replicas>("replicas",
                                 "Redis: replicas that have a job before it counts as enqueued "
                                 "(WAIT)"),
    row<&queue_config::scheduler_lock_prefix>("scheduler_lock_prefix",
                                              "RESQUE_SCHEDULER_MASTER_LOCK_PREFIX of the "
                                              "resque-scheduler that shares the database"),
};

constexpr field_row of_trace[] = {
    row<&trace_config::endpoint>("endpoint",
                                 "a collector that takes OTLP over HTTP as JSON, such as "
                                 "`http://127.0.0.1:4318`; empty exports no spans"),
    row<&trace_config::sample>("sample",
                               "share of the traces that begin here that are recorded, 0 to 1; of "
                               "others the caller says so",
                               {.least = 0, .most = 1}),
};

constexpr field_row sections[] = {
    row<&config::manager>("manager", "the manager itself"),
    row<&config::log>("log", "logs"),
    row<&config::http>("http", "the HTTP server"),
    row<&config::link>("link", "the links to processes"),
    row<&config::queue>("queue", "the job queue"),
    row<&config::trace>("trace", "traces (docs/tracing.md)"),
};

}  // namespace

field_rows fields_of(const config*) { return sections; }
field_rows fields_of(const manager_config*) { return of_manager; }
field_rows fields_of(const log_config*) { return of_log_config; }
field_rows fields_of(const http_config*) { return of_http; }
field_rows fields_of(const link_config*) { return of_link; }
field_rows fields_of(const queue_config*) { return of_queue; }
field_rows fields_of(const trace_config*) { return of_trace; }

}  // namespace sm
