#include <algorithm>

#include "import/import.hpp"
#include "rows_queue.hpp"

namespace sm::ctl {
namespace {

constexpr std::string_view which_services =
    "names, unique beginnings of names, globs, `group:NAME`, `tag:NAME`, `all`; `*` leaves out "
    "sm's own";

const operand_row services{"SERVICE", which_services, names::services, 1, any_number};
const operand_row any_services{"SERVICE", which_services, names::services, 0, any_number};
const option_row follow{.name = "follow", .letter = 'f', .doc = "go on, until interrupted"};
const option_row watch{.name = "watch", .letter = 'w', .doc = "show it anew when it changes"};
const option_row with_instances{
    .name = "instances", .letter = 'i', .doc = "show each instance of services with several"};

// NOLINTNEXTLINE(readability-function-size): a table
std::vector<verb_row> service_verbs() {
  return {
      {.name = "status",
       .aliases = {"ls", "ps", "list"},
       .summary = "show services and whether they run",
       .details = "Exits with 3 when one of those named does not run; without names, when one that "
                  "shall run does not.",
       .operands = {any_services},
       .options = {watch, with_instances},
       .operations = {"services.list"},
       .examples = {"smctl status", "smctl status 'web-*' -o json", "smctl status -w"}},
      {.name = "show",
       .aliases = {"describe", "info"},
       .summary = "show all about services: instances, limits, why they do not run",
       .operands = {services},
       .operations = {"services.list", "services.show"}},
      {.name = "start",
       .summary = "start services, and wait until they are ready",
       .operands = {services},
       .operations = {"services.list", "services.start"}},
      {.name = "stop",
       .summary = "stop services until they are started",
       .details = "Exits with 7 when a service named by its own name was stopped before.",
       .operands = {services},
       .operations = {"services.list", "services.stop"}},
      {.name = "restart",
       .summary = "stop and start services",
       .operands = {services},
       .operations = {"services.list", "services.restart"}},
      {.name = "reload",
       .summary = "replace the instances of services one batch after the other",
       .details = "New instances that do not become ready are taken back; that is a failure.",
       .operands = {any_services},
       .options = {{.name = "outdated",
                    .doc = "those alone whose processes run an older executable than the one that "
                           "is there; without a SERVICE, of all"}},
       .operations = {"services.list", "services.reload"}},
      {.name = "signal",
       .aliases = {"kill"},
       .summary = "send a signal to services",
       .operands = {{"SIGNAL", "a name or number: HUP, SIGUSR1, 15", names::signals}, services},
       .operations = {"services.list", "services.signal"},
       .examples = {"smctl signal HUP web"}},
      {.name = "scale",
       .summary = "change the number of instances",
       .operands = {services,
                    {"NUMBER", "so many, or so many more or less: 4, +2, -1", names::none}},
       .operations = {"services.list", "services.scale"},
       .examples = {"smctl scale web 4", "smctl scale 'consumer.*' +1"}},
      {.name = "reset",
       .aliases = {"reset-failed"},
       .summary = "forget the failures of services; what is FATAL or EXITED is STOPPED",
       .operands = {services},
       .operations = {"services.list", "services.reset"}},
      {.name = "logs",
       .aliases = {"tail"},
       .summary = "show the last lines of the logs of services or instances",
       .operands = {{"SERVICE", which_services, names::instances, 1, any_number}},
       .options = {follow,
                   {.name = "lines",
                    .letter = 'n',
                    .value = takes::number,
                    .meta = "N",
                    .doc = "the last so many of each [100]",
                    .most = 10'000},
                   {.name = "since",
                    .value = takes::duration,
                    .meta = "DURATION",
                    .doc = "not older: 5m, 1h"},
                   {.name = "stderr", .doc = "what was written to standard error alone"},
                   {.name = "stdout", .doc = "what was written to standard output alone"},
                   {.name = "no-prefix",
                    .doc = "several services without a name before each line"}},
       .operations = {"services.list", "services.logs"},
       .examples = {"smctl logs web -n 20", "smctl logs -f web worker",
                    "smctl logs all --since 5m"}},
      {.name = "call",
       .summary = "send a command to services and show what they answer",
       .details = "Arguments are KEY=VALUE, which make an object (a VALUE that is JSON is taken as "
                  "JSON, any other as text), or one JSON document. One service or instance answers "
                  "with its result; of several, each answer is shown with the name.",
       .operands = {{"SERVICE",
                     "a service, an instance (`web:0`), or several: a glob, `group:NAME`, "
                     "`tag:NAME`, `all`",
                     names::instances},
                    {"COMMAND", "its name", names::commands},
                    {"ARGUMENT", "KEY=VALUE, or JSON", names::none, 0, any_number}},
       .operations = {"services.list", "services.command", "services.gather"},
       .examples = {"smctl call web status", "smctl call web greet name=Ada times=2",
                    "smctl call all status --timeout 2s",
                    "smctl call web add '{\"x\": 1, \"y\": 2}'"}},
      {.name = "add",
       .summary = "add a service: from a file, or a command line",
       .details = "FILE is a specification as JSON, or a list of them; `-` is standard input. With "
                  "NAME, a command line follows `--`, or --type names one of the program's types. "
                  "The service is there until it is removed, over restarts of the manager.",
       .operands = {{"FILE|NAME", "a file that ends in .json, `-`, or the new service's name",
                     names::files}},
       .options = {{.name = "type",
                    .letter = 't',
                    .value = takes::text,
                    .meta = "TYPE",
                    .doc = "a type of the manager's program instead of a command line"},
                   {.name = "set",
                    .value = takes::text,
                    .meta = "FIELD=VALUE",
                    .doc = "a field of the specification, as JSON or text: --set restart=never, "
                           "--set backoff.max=5s; repeatable",
                    .repeats = true},
                   {.name = "env",
                    .letter = 'e',
                    .value = takes::text,
                    .meta = "NAME=VALUE",
                    .doc = "a variable that it gets; repeatable",
                    .repeats = true},
                   {.name = "directory",
                    .letter = 'C',
                    .value = takes::text,
                    .meta = "FOLDER",
                    .doc = "where it runs",
                    .from = names::files},
                   {.name = "instances",
                    .value = takes::number,
                    .meta = "N",
                    .doc = "so many processes [1]",
                    .most = 1000}},
       .operations = {"services.add", "services.start"},
       .examples = {"smctl add files -- python3 -m http.server 8080", "smctl add web.json",
                    "smctl add worker --type worker --set params.rate=5"},
       .command_line = "COMMAND"},
      {.name = "remove",
       .aliases = {"rm", "delete"},
       .summary = "stop services and forget them",
       .details = "Takes no beginnings of names. Asks before on a terminal; elsewhere it needs "
                  "--yes.",
       .operands = {services},
       .operations = {"services.list", "services.remove"}},
      {.name = "cat",
       .summary = "print the specification of services as JSON",
       .details =
           "What is as it is by default is left out; values of `env` are hidden. `smctl add` "
           "takes what this prints, once the values of `env` that it hides are put in.",
       .operands = {services},
       .options = {{.name = "all", .letter = 'a', .doc = "defaults, too"}},
       .operations = {"services.list", "services.show"}},
      {.name = "edit",
       .summary = "change the specification of a service in $VISUAL or $EDITOR",
       .details = "Only what you change is sent. When it is refused, it can be edited again.",
       .operands = {{"SERVICE", "its name", names::services}},
       .operations = {"services.list", "services.show", "services.change"}},
      {.name = "wait",
       .summary = "wait until services are ready, running, stopped or gone",
       .operands = {services},
       .options = {{.name = "for",
                    .value = takes::word,
                    .meta = "STATE",
                    .doc = "ready, running, stopped or gone [ready]",
                    .words = {"ready", "running", "stopped", "gone"},
                    .from = names::words}},
       .operations = {"services.list"},
       .examples = {"smctl wait all --for ready --timeout 30s"}},
      {.name = "events",
       .summary = "follow what happens",
       .options = {follow,
                   {.name = "type",
                    .value = takes::text,
                    .meta = "GLOB",
                    .doc = "of these types alone: 'service.*'"},
                   {.name = "since",
                    .value = takes::number,
                    .meta = "INDEX",
                    .doc = "begin after the event of this index; 0 is all that is still held",
                    .most = std::numeric_limits<std::uint64_t>::max()}},
       .operations = {"events.follow"},
       .examples = {"smctl events -f", "smctl events --since 0", "smctl events -f -o jsonl"}},
      {.name = "top",
       .aliases = {"monit"},
       .summary = "show services live, by the processor time they take",
       .details = "Keys: c, m, n sort by processor, memory or name; q ends.",
       .options = {{.name = "interval",
                    .value = takes::duration,
                    .meta = "DURATION",
                    .doc = "between looks [1s]"},
                   {.name = "sort",
                    .value = takes::word,
                    .meta = "COLUMN",
                    .doc = "cpu, mem or name [cpu]",
                    .words = {"cpu", "mem", "name"},
                    .from = names::words}},
       .operations = {"services.list"}},
  };
}

const option_row overwrite{.name = "overwrite", .doc = "undo what was changed by hand, too"};

std::vector<verb_row> own_verbs() {
  return {
      {.name = "daemon status",
       .summary = "show where the manager is, whether it serves, and whether all is ready",
       .operations = {"daemon.show", "health.ready", "services.list"}},
      {.name = "plan",
       .summary = "show what the configuration file would change, and touch nothing",
       .details =
           "Exits with 0 when nothing would change, with 2 when something would, with 1 when "
           "the file has mistakes.",
       .options = {overwrite},
       .operations = {"config.plan"}},
      {.name = "apply",
       .aliases = {"update"},
       .summary = "carry out what `plan` shows",
       .details = "Exactly what was shown: when the file changes meanwhile, it is refused. What "
                  "removes services asks before on a terminal, and needs --yes elsewhere.",
       .options = {overwrite},
       .operations = {"config.plan", "config.apply"}},
      {.name = "dashboard",
       .aliases = {"ui"},
       .summary = "print a link that signs a browser in to the dashboard, once",
       .details =
           "The link is good for ten minutes, the session for twelve hours; `token ls` shows "
           "it, and `token remove` ends it.",
       .options = {{.name = "role",
                    .value = takes::word,
                    .meta = "ROLE",
                    .doc = "viewer, operator or admin [one's own]",
                    .words = {"viewer", "operator", "admin"},
                    .from = names::words}},
       .operations = {"sign_ins.add"},
       .examples = {"xdg-open \"$(smctl dashboard)\""}},
      {.name = "audit ls",
       .aliases = {"audit", "audit list"},
       .summary = "show who changed what lately, and with which outcome",
       .options = {{.name = "lines",
                    .letter = 'n',
                    .value = takes::number,
                    .meta = "N",
                    .doc = "so many [30]"}},
       .operations = {"audit.list"}},
      {.name = "audit verify",
       .summary = "look whether an audit log is as it was written",
       .details =
           "Follows the chain of hashes over all files, which are given from the oldest to the "
           "newest; without one those of the manager of this system. Prints number and hash "
           "of the last line: pinned elsewhere, they show that nobody has made the whole "
           "chain anew. Exits with 1 where it is broken, and names the place.",
       .operands = {{"FILE", "audit.log.2 audit.log.1 audit.log", names::files, 0, any_number}},
       .operations = {"daemon.show"},
       .examples = {"smctl audit verify /var/lib/sm/log/audit.log"}},
      {.name = "token ls",
       .aliases = {"token list", "tokens"},
       .summary = "show the tokens of the API over TCP: who may what, until when, and last use",
       .operations = {"tokens.list"}},
      {.name = "token add",
       .summary = "make a token for the API over TCP, and print its secret",
       .details =
           "A viewer looks (and scrapes /metrics), an operator starts, stops and sends commands "
           "and "
           "jobs, an admin decides what runs. The secret is printed this once; only its digest is "
           "kept.",
       .operands = {{"NAME", "for listings and the log"}},
       .options = {{.name = "role",
                    .value = takes::word,
                    .meta = "ROLE",
                    .doc = "viewer, operator or admin [viewer]",
                    .words = {"viewer", "operator", "admin"},
                    .from = names::words},
                   {.name = "expires",
                    .value = takes::duration,
                    .meta = "DURATION",
                    .doc = "good for so long: 12h, 90d [for ever]"},
                   {.name = "services",
                    .value = takes::text,
                    .meta = "GLOBS",
                    .doc = "good for these services alone, such as web-*,api; no admin's [all]"}},
       .operations = {"tokens.add"},
       .examples = {"smctl token add prometheus > /etc/prometheus/sm.token"}},
      {.name = "token remove",
       .aliases = {"token rm", "token revoke"},
       .summary = "revoke a token",
       .details = "Asks before on a terminal; elsewhere it needs --yes.",
       .operands = {{"NAME", "the token's"}},
       .operations = {"tokens.remove"}},
      {.name = "daemon reexec",
       .summary =
           "replace the manager's executable by what is at its place now, with every pid kept",
       .details = "Waits until the new one serves, and what was ready is so again.",
       .operations = {"daemon.show", "health.ready", "daemon.reexec"}},
      {.name = "daemon stop",
       .aliases = {"shutdown"},
       .summary = "stop the manager and all services",
       .details =
           "Over the Unix socket alone, and on the manager's own system: it sends SIGTERM to "
           "the manager, and waits for its end. Asks before on a terminal; elsewhere it "
           "needs --yes.",
       .operations = {"daemon.show"}},
      {.name = "doctor",
       .summary = "look for what keeps sm from working well, and say how to mend it",
       .operations = {"daemon.show", "config.plan", "services.list", "queues.list"}},
      {.name = "import",
       .summary =
           "make a configuration of supervisord.conf, Procfiles, ecosystems of pm2 and units "
           "of systemd",
       .details =
           "Prints TOML for `smd --config`; on standard error a line for each key that could not "
           "be "
           "expressed, or not quite: FILE:LINE: KEY: what to do. Exits with 0 when nothing is "
           "lost, "
           "with 1 when something is, with 2 when a file cannot be read. Several files become one "
           "configuration, and services of it know each other. It needs no manager.",
       .operands = {{"FILE", "their files; - is standard input, with --from", names::files, 1,
                     any_number}},
       .options = {{.name = "from",
                    .value = takes::word,
                    .meta = "KIND",
                    .doc = "supervisord, procfile, pm2 or systemd, where name and content do not "
                           "tell",
                    .words = {foreign_kinds().begin(), foreign_kinds().end()},
                    .from = names::words},
                   {.name = "output",
                    .letter = 'o',
                    .value = takes::text,
                    .meta = "FILE",
                    .doc = "write to it; one that is there is replaced with --yes alone",
                    .from = names::files},
                   {.name = "env",
                    .value = takes::text,
                    .meta = "NAME",
                    .doc = "of an ecosystem of pm2: `env_NAME` counts over `env`"}},
       .examples = {"smctl import /etc/supervisor/supervisord.conf /etc/supervisor/conf.d/*.conf",
                    "smctl import Procfile -o smd.toml; smd --config smd.toml --check",
                    "smctl import ecosystem.json --env production",
                    "smctl import /etc/systemd/system/web.service"}},
      {.name = "completion",
       .summary = "print the completion script of a shell",
       .details = "bash: `source <(smctl completion bash)`; zsh: `source <(smctl completion zsh)`; "
                  "fish: `smctl completion fish | source`.",
       .operands = {{"SHELL", "bash, zsh or fish", names::words, 1, 1, {"bash", "zsh", "fish"}}}},
      {.name = "version", .summary = "print the version"},
      {.name = "help",
       .summary = "show all verbs, or all about one",
       .operands = {{"VERB", "its name", names::verbs, 0, 2}}},
  };
}

}  // namespace

std::span<const verb_row> verbs() {
  static const std::vector<verb_row> rows = [] {
    auto all = service_verbs();
    for (auto more : {queue_verbs(), own_verbs()}) all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return rows;
}

std::span<const option_row> common_options() {
  static const std::vector<option_row> rows{
      {.name = "server",
       .letter = 's',
       .value = takes::text,
       .meta = "URL",
       .doc = "unix:///run/x/sm.sock, a state folder, or http://HOST:PORT; $SM_SERVER",
       .from = names::files},
      {.name = "token-file",
       .value = takes::text,
       .meta = "FILE",
       .doc = "its first line is the token for HTTP; $SM_TOKEN_FILE, or $SM_TOKEN itself",
       .from = names::files},
      {.name = "output",
       .letter = 'o',
       .value = takes::word,
       .meta = "FORM",
       .doc = "table, wide, json or jsonl [table]",
       .words = {"table", "wide", "json", "jsonl"},
       .from = names::words},
      {.name = "quiet", .letter = 'q', .doc = "names alone, and no messages but errors"},
      {.name = "timeout",
       .value = takes::duration,
       .meta = "DURATION",
       .doc = "for all of it: 500ms, 10s, 5m [2m; of a command the manager's own]"},
      {.name = "no-wait", .doc = "do not wait for the end state"},
      {.name = "dry-run", .letter = 'n', .doc = "say what would be done, and do nothing"},
      {.name = "yes", .letter = 'y', .doc = "do not ask"},
      {.name = "color",
       .value = takes::word,
       .meta = "WHEN",
       .doc = "auto, always or never [auto]; $NO_COLOR",
       .words = {"auto", "always", "never"},
       .from = names::words},
      {.name = "no-color", .doc = "as --color never"},
      {.name = "help", .letter = 'h', .doc = "show help"},
      {.name = "version", .letter = 'V', .doc = "print the version"},
  };
  return rows;
}

const verb_row* find_verb(std::string_view name) {
  for (auto& row : verbs())
    if (row.name == name ||
        std::find(row.aliases.begin(), row.aliases.end(), name) != row.aliases.end())
      return &row;
  return nullptr;
}

std::string_view default_of(std::string_view first) {
  // The first of its rows is the one that shows.
  for (auto& row : verbs())
    if (row.name.size() > first.size() && row.name.starts_with(first) &&
        row.name[first.size()] == ' ')
      return row.name;
  return {};
}

std::span<const unreached_row> unreached_operations() {
  static const std::vector<unreached_row> rows{
      {"schedules.add", "a schedule is written in the configuration or declared by the program"},
      {"schedules.put", "likewise"},
      {"api.openapi", "it is there for tools that make clients"},
      {"metrics.show", "it is there for collectors of metrics"},
      {"events.list", "`events` follows the stream of them"},
      {"jobs.history", "it is there for the dashboard's plots"},
      {"health.live", "it is there for load balancers; `daemon status` asks for more"},
  };
  return rows;
}

}  // namespace sm::ctl
