// A row is all that a field of a specification needs beside its member.
#include "schema/spec_fields.hpp"

#include <algorithm>

#include "process/capabilities.hpp"
#include "process/listen_address.hpp"
#include "process/rlimits.hpp"
#include "process/system_call_groups.hpp"
#include "system/signal_names.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using enum renewal;

tl::unexpected<error> bad(std::string detail, std::string where = {}) {
  return fail(errc::invalid_spec, std::move(detail), std::move(where));
}

result<void> is_name(const std::string& text) {
  if (auto ok = check_name(text); !ok) return bad(ok.error().detail);
  return {};
}
result<void> is_name_or_empty(const std::string& text) {
  return text.empty() ? result<void>() : is_name(text);
}
result<void> are_names(const std::vector<std::string>& all) {
  for (auto& text : all)
    if (auto ok = is_name(text); !ok) return ok;
  return {};
}

result<void> are_exit_codes(const std::vector<int>& codes) {
  for (int code : codes)
    if (code < 0 || code > 255) return bad(std::to_string(code) + " is no exit code (0 to 255)");
  return {};
}

result<void> is_signal(const std::string& text) {
  if (auto signal = parse_signal(text); !signal) return bad(signal.error().detail);
  return {};
}

result<void> is_mode(const std::string& text) {
  if (!parse_integer<unsigned>(text, 0, 0777, 8))
    return bad("must be octal from \"000\" to \"777\", not " + in_quotes(text));
  return {};
}
result<void> is_mode_or_empty(const std::string& text) {
  return text.empty() ? result<void>() : is_mode(text);
}

result<void> are_capabilities(const std::vector<std::string>& names) {
  if (auto ok = parse_capabilities(names); !ok) return bad(ok.error().detail);
  return {};
}

result<void> are_system_calls(const std::vector<std::string>& items) {
  if (auto ok = check_system_calls(items); !ok) return bad(ok.error().detail);
  return {};
}

result<void> is_command(const std::vector<std::string>& command) {
  if (!command.empty() && command.front().empty()) return bad("the program's name is empty");
  return {};
}

result<void> are_variables(const std::map<std::string, std::string>& all) {
  for (auto& [name, value] : all)
    if (name.empty() || name.find('=') != name.npos)
      return bad("is no name of a variable", pointer_to(name));
  return {};
}

result<void> are_variable_files(const std::vector<std::string>& all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!all[i].starts_with('/') && !all[i].starts_with("-/"))
      return bad("must be an absolute path, or '-' and one", "/" + std::to_string(i));
  return {};
}

result<void> are_rlimits(const std::map<std::string, std::string>& all) {
  for (auto& [name, value] : all)
    if (auto parsed = parse_rlimit(name, value); !parsed)
      return bad(parsed.error().detail, pointer_to(name));
  return {};
}

result<void> is_absolute_or_empty(const std::string& path) {
  if (!path.empty() && !path.starts_with('/')) return bad("must be an absolute path");
  return {};
}

result<void> are_addresses(const std::vector<std::string>& all) {
  if (all.size() > sockets_max) return bad("must be at most " + std::to_string(sockets_max));
  for (auto address = all.begin(); address != all.end(); ++address) {
    if (auto ok = check_listen_address(*address); !ok)
      return bad(in_quotes(*address) + " " + ok.error().detail);
    if (std::find(all.begin(), address, *address) != address)
      return bad("an address stands there twice");
  }
  return {};
}

constexpr std::string_view restart_words[] = {"always", "on-failure", "never"};
constexpr std::string_view strategy_words[] = {"one-for-one", "one-for-all", "rest-for-one"};
constexpr std::string_view ready_words[] = {"delay", "notify", "fd", "tcp", "http"};
constexpr std::string_view health_words[] = {"tcp", "http"};
constexpr std::string_view kill_words[] = {"mixed", "main", "group"};
constexpr std::string_view order_words[] = {"auto", "start-first", "stop-first"};

constexpr field_row of_backoff[] = {
    row<&backoff_policy::min>("min", "the second pause; the first restart is at once",
                              {.least = 1}),
    row<&backoff_policy::max>("max", "pauses grow up to it"),
    row<&backoff_policy::factor>("factor", "by which each pause is longer",
                                 {.least = 1, .most = 100}),
    row<&backoff_policy::jitter>("jitter", "share of a pause that is drawn at random around it",
                                 {.least = 0, .most = 1}),
    row<&backoff_policy::reset_after>("reset_after", "a run of so long starts over"),
};

constexpr field_row of_intensity[] = {
    row<&intensity_policy::restarts>("restarts", "more restarts within the window: FATAL"),
    row<&intensity_policy::window>("window", "for the restarts", {.least = 1}),
};

constexpr field_row of_readiness[] = {
    row<&readiness::kind>("kind",
                          "when it counts as ready: after a `delay`; `notify`: READY=1 "
                          "(sd_notify); `fd`: a newline on the descriptor SM_READY_FD (s6); "
                          "`tcp`, `http`: `target` answers",
                          {.words = ready_words}),
    row<&readiness::delay>("delay", "for so long it has to run"),
    row<&readiness::target>("target", "`127.0.0.1:8080`, `http://127.0.0.1:8080/ok`"),
};

constexpr field_row of_health[] = {
    row<&health_check::kind>("kind", "asks a running program again and again; empty for none",
                             {.or_none = true, .words = health_words}),
    row<&health_check::target>("target", "as that of `ready`"),
    row<&health_check::interval>("interval", "from one question to the next", {.least = 1}),
    row<&health_check::timeout>("timeout", "for an answer", {.least = 1}),
    row<&health_check::failures>("failures", "so many in a row and it is restarted", {.least = 1}),
    row<&health_check::grace>("grace", "from ready to the first question"),
};

constexpr field_row of_log[] = {
    row<&log_policy::max_size>("max_size", "bytes of a file of `log/NAME.log`; then it is rotated",
                               {.least = 4096}),
    row<&log_policy::keep>("keep", "older files that are kept", {.most = 1000}),
};

constexpr field_row of_reload[] = {
    row<&reload_policy::batch>("batch", "instances that are replaced at a time, see Reload",
                               {.least = 1}),
    row<&reload_policy::order>("order", "see Reload", {.words = order_words}),
};

constexpr field_row of_group[] = {
    row<&group_spec::strategy>("strategy",
                               "who is restarted with a member: nobody, all, or those that start "
                               "after it"),
    row<&group_spec::intensity>("intensity", "of the group"),
};

constexpr field_row of_service[] = {
    row<&service_spec::name>("name", "letters, digits, `_`, `-`, `.`; at most 64; unique",
                             {.check = checked<is_name>}),
    row<&service_spec::type>("type",
                             "a type registered with `app.type<T>` or `app.actor`; or a "
                             "`command`, see Programs",
                             {.renews = process}),
    row<&service_spec::params>("params",
                               "given to the constructor; a specification has 512 KiB of JSON at "
                               "most",
                               {.object = true, .renews = process, .hides = hiding::by_name}),
    row<&service_spec::secret_params>("secret_params",
                                      "names of parameters, at any depth, that are shown without "
                                      "their values; names such as `password`, `api_key` and "
                                      "`token` need not be told, see "
                                      "[http.md](http.md#who-may)"),
    row<&service_spec::instances>("instances", "processes", {.most = max_instances}),
    row<&service_spec::autostart>("autostart",
                                  "false: a new one waits until it is started by hand"),
    row<&service_spec::restart>("restart", "which end is followed by a start"),
    row<&service_spec::success_exit_codes>("success_exit_codes",
                                           "no failure for `on-failure`; nor is an end by TERM, "
                                           "HUP, INT or PIPE, as with systemd",
                                           {.check = checked<are_exit_codes>}),
    row<&service_spec::backoff>("backoff", "pauses before restarts"),
    row<&service_spec::intensity>("intensity", "when it is given up"),
    row<&service_spec::start_timeout>("start_timeout",
                                      "from the start until ready; a program may ask for more by "
                                      "EXTEND_TIMEOUT_USEC",
                                      {.least = 1, .otherwise = "10s, of a program 90s"}),
    row<&service_spec::stop_timeout>("stop_timeout",
                                     "the first half belongs to the stop message, the second to "
                                     "`stop_signal`, then SIGKILL",
                                     {.least = 1, .renews = process_of_program}),
    row<&service_spec::watchdog>("watchdog",
                                 "without a sign of life for so long an instance is killed; 0: "
                                 "never",
                                 {.renews = process_of_program}),
    row<&service_spec::stop_signal>("stop_signal",
                                    "sent to the process group; of a program by `kill_mode`",
                                    {.check = checked<is_signal>, .renews = process_of_program}),
    row<&service_spec::after>("after", "starts after these, stops before them",
                              {.check = checked<are_names>}),
    row<&service_spec::requires_>(
        "requires",
        "like `after`, and does not start unless these are ready, or have ended well "
        "(`requires_` in C++); one that there is not is told in the "
        "log, and in `reason`",
        {.check = checked<are_names>}),
    row<&service_spec::group>("group", "selectable as `group:NAME`",
                              {.check = checked<is_name_or_empty>}),
    row<&service_spec::tags>("tags", "selectable as `tag:NAME`", {.check = checked<are_names>}),
    row<&service_spec::log>("log", "files of what it logs and prints", {.renews = process}),
    row<&service_spec::reload>("reload", "how instances are replaced"),
    row<&service_spec::memory_max>("memory_max",
                                   "bytes of each instance with all its processes, see Whole "
                                   "trees; 0: no limit",
                                   {.renews = process}),
    row<&service_spec::tasks_max>("tasks_max", "likewise, processes and threads",
                                  {.renews = process}),
    row<&service_spec::cpu_weight>(
        "cpu_weight", "share under load; 100 is everybody's",
        {.least = 1, .most = 10'000, .or_none = true, .renews = process}),
    row<&service_spec::command>(
        "command", "the program and its arguments",
        {.check = checked<is_command>, .renews = process, .of_programs = true}),
    row<&service_spec::sockets>(
        "sockets", "addresses it inherits as listening sockets, see Reload",
        {.check = checked<are_addresses>, .renews = process, .of_programs = true}),
    row<&service_spec::socket_mode>(
        "socket_mode", "octal mode of the files of Unix sockets",
        {.check = checked<is_mode>, .renews = process, .of_programs = true}),
    row<&service_spec::env>("env",
                            "variables it gets (shown without their values, see "
                            "[http.md](http.md#who-may))",
                            {.check = checked<are_variables>,
                             .renews = process,
                             .hides = hiding::values,
                             .of_programs = true}),
    row<&service_spec::env_file>(
        "env_file", "absolute paths of files of variables, see A program's start",
        {.check = checked<are_variable_files>, .renews = process, .of_programs = true}),
    row<&service_spec::inherit_env>("inherit_env",
                                    "names or globs of the manager's variables that it inherits, "
                                    "see A program's start",
                                    {.renews = process, .of_programs = true}),
    row<&service_spec::directory>("directory", "where it runs; empty: where the manager does",
                                  {.renews = process, .of_programs = true}),
    row<&service_spec::user>("user", "whom it runs as, by name or number; needs root",
                             {.renews = process, .of_programs = true}),
    row<&service_spec::user_group>("user_group", "likewise; empty: the user's own groups",
                                   {.renews = process, .of_programs = true}),
    row<&service_spec::umask>(
        "umask", "octal text; empty: the manager's",
        {.check = checked<is_mode_or_empty>, .renews = process, .of_programs = true}),
    row<&service_spec::nice>("nice", "added to the manager's",
                             {.least = -20, .most = 19, .renews = process, .of_programs = true}),
    row<&service_spec::rlimits>(
        "rlimits",
        "`{\"nofile\": \"4096\", \"core\": \"unlimited\"}`: as, core, "
        "cpu, data, fsize, memlock, nofile, nproc, sigpending, stack",
        {.check = checked<are_rlimits>, .renews = process, .of_programs = true}),
    row<&service_spec::no_new_privileges>(
        "no_new_privileges",
        "no file that it executes gives it more rights; so it is with a `user`",
        {.renews = process, .of_programs = true}),
    row<&service_spec::capability_bounding_set>(
        "capability_bounding_set",
        "capabilities that it can have at all, see Confining a program; needs root",
        {.check = checked<are_capabilities>, .renews = process, .of_programs = true}),
    row<&service_spec::private_tmp>("private_tmp",
                                    "an empty /tmp and /var/tmp of its own; needs root",
                                    {.renews = process, .of_programs = true}),
    row<&service_spec::system_call_filter>(
        "system_call_filter", "system calls that it may make, see Confining a program",
        {.check = checked<are_system_calls>, .renews = process, .of_programs = true}),
    row<&service_spec::ready>("ready", "when it counts as ready",
                              {.renews = process, .of_programs = true}),
    row<&service_spec::health>("health", "whether it still answers",
                               {.renews = process, .of_programs = true}),
    row<&service_spec::kill_mode>(
        "kill_mode", "whom signals reach, see Signals and the stop",
        {.words = kill_words, .renews = process_of_program, .of_programs = true}),
    row<&service_spec::pid_file>(
        "pid_file",
        "absolute path of the file in which a program that goes to the "
        "background writes its pid",
        {.check = checked<is_absolute_or_empty>, .renews = process, .of_programs = true}),
};

}  // namespace

field_rows fields_of(const service_spec*) { return of_service; }
field_rows fields_of(const backoff_policy*) { return of_backoff; }
field_rows fields_of(const intensity_policy*) { return of_intensity; }
field_rows fields_of(const readiness*) { return of_readiness; }
field_rows fields_of(const health_check*) { return of_health; }
field_rows fields_of(const log_policy*) { return of_log; }
field_rows fields_of(const reload_policy*) { return of_reload; }
field_rows fields_of(const group_spec*) { return of_group; }

std::span<const std::string_view> words_of(restart_policy) noexcept { return restart_words; }
std::span<const std::string_view> words_of(group_strategy) noexcept { return strategy_words; }

}  // namespace sm
