// add and edit: specifications.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "system/system_error.hpp"
#include "text/texts.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

constexpr std::size_t document_max = 16 << 20;

/// ": is BACKOFF, ...": what the manager knows of a service that does not become ready.
std::string why_not(session& s, const std::string& name) {
  auto service = session::ask(s.client(), request_for("services.show", {{"name", name}}),
                              std::chrono::steady_clock::now() + std::chrono::seconds(5));
  if (!service) return {};
  auto note = note_of(*service);
  return ": is " + text_in(*service, "state") + (note.empty() ? "" : ", " + note);
}

result<std::string> read_input(const std::string& name) {
  std::ostringstream text;
  if (name == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(name, std::ios::binary);
    std::error_code ec;
    if (!file || std::filesystem::is_directory(name, ec))
      return fail(errc::bad_arguments, "cannot read it", name);
    text << file.rdbuf();
  }
  if (text.str().size() > document_max)
    return fail(errc::bad_arguments, "is larger than 16 MiB", name);
  return std::move(text).str();
}

/// What --type, --set, --env and the rest say, over `spec`.
result<void> take_options(const session& s, json& spec) {
  auto& given = s.given;
  if (given.has("type")) spec["type"] = given.value("type");
  if (given.has("directory"))
    spec["directory"] = std::filesystem::absolute(given.value("directory")).string();
  if (given.has("instances")) spec["instances"] = given.number("instances", 1);
  if (auto env = given.options.find("env"); env != given.options.end())
    for (auto& variable : env->second) {
      auto equals = variable.find('=');
      if (equals == variable.npos || equals == 0)
        return fail(errc::bad_arguments, in_quotes(variable) + " is not NAME=VALUE", "--env");
      spec["env"][variable.substr(0, equals)] = variable.substr(equals + 1);
    }
  if (auto sets = given.options.find("set"); sets != given.options.end())
    for (auto& assignment : sets->second)
      if (auto ok = set_field(spec, assignment); !ok)
        return fail(ok.error().code, ok.error().detail, "--set");
  return {};
}

result<json> specifications(const session& s) {
  auto& word = s.given.operands.front();
  auto& command = s.given.command_line;
  json list = json::array();
  if (!command.empty() || s.given.has("type")) {
    if (!command.empty() && s.given.has("type"))
      return fail(errc::bad_arguments, "a service has a command line or a --type, not both");
    json spec{{"name", word}};
    if (!command.empty()) spec["command"] = command;
    list.push_back(std::move(spec));
  } else {
    if (word != "-" && !word.ends_with(".json"))
      return fail(errc::bad_arguments,
                  "'add " + word +
                      "' needs a command line behind '--', a --type, or a file that "
                      "ends in .json");
    auto text = read_input(word);
    if (!text) return tl::unexpected<error>(text.error());
    auto document = parse_json(*text);
    if (!document) return fail(errc::bad_arguments, document.error().detail, word);
    if (document->is_object())
      list.push_back(*document);
    else if (document->is_array())
      list = *document;
    if (list.empty()) return fail(errc::bad_arguments, "is no specification", word);
  }
  for (auto& spec : list) {
    if (!spec.is_object()) return fail(errc::bad_arguments, "is no list of specifications", word);
    if (auto ok = take_options(s, spec); !ok) return tl::unexpected<error>(ok.error());
  }
  return list;
}

result<int> add(session& s) {
  auto list = specifications(s);
  if (!list) return tl::unexpected<error>(list.error());
  if (s.dry_run()) {
    s.show(list->size() == 1 ? list->at(0) : *list);
    return exits::ok;
  }
  std::vector<int> codes;
  json added = json::array();
  for (auto& spec : *list) {
    auto name = text_in(spec, "name");
    auto outcome = s.ask(request_for("services.add", {}, {}, print_json(spec)));
    if (outcome && !s.given.has("no-wait") && outcome->value("desired", "") == "running") {
      progress shown(s.screen.errors && !s.quiet(), "starting", name);
      auto started = s.ask(request_for("services.start", {{"name", name}}, {{"wait", "45s"}}));
      if (!started && started.error().code == errc::timeout)
        started = fail(errc::timeout, "is added, but not ready in time" + why_not(s, name), name);
      outcome = std::move(started);
    }
    codes.push_back(outcome ? exits::ok : exit_code_of(outcome.error()));
    if (!outcome) {
      auto& e = outcome.error();
      s.complain({e.code,
                  e.detail + (e.where.empty() || e.where == name ? "" : " (" + e.where + ")"),
                  name});
      continue;
    }
    if (!s.as_json()) s.tell(name + ": added, " + text_in(*outcome, "state"));
    added.push_back(std::move(*outcome));
  }
  if (s.as_json()) s.show({{"services", std::move(added)}}, "services");
  return exit_code_of(codes);
}

/// A file that is ours alone, and goes with its owner unless it is kept.
class draft_file {
 public:
  explicit draft_file(const std::string& name) {
    auto pattern =
        (std::filesystem::temp_directory_path() / ("smctl-" + name + "-XXXXXX.json")).string();
    int fd = ::mkstemps(pattern.data(), 5);
    if (fd >= 0) ::close(fd);
    path_ = fd >= 0 ? pattern : "";
  }
  ~draft_file() {
    if (!kept_ && !path_.empty()) ::unlink(path_.c_str());
  }
  draft_file(const draft_file&) = delete;
  draft_file& operator=(const draft_file&) = delete;

  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool kept_ = false;
};

/// As git has it: the variable is a command line of the shell.
result<void> run_editor(const std::string& file) {
  const char* editor = std::getenv("VISUAL");
  if (!editor || !*editor) editor = std::getenv("EDITOR");
  if (!editor || !*editor) editor = "vi";
  auto line = std::string(editor) + " \"$@\"";
  auto child = ::fork();
  if (child < 0) return fail(errc::unavailable, "cannot start the editor", editor);
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", line.c_str(), editor, file.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(errc::cancelled, "the editor failed, nothing is changed", editor);
}

/// Fields of `edited` that differ from those of `before`.
result<json> changed_fields(const json& before, const json& edited) {
  if (!edited.is_object()) return fail(errc::bad_arguments, "a specification is a JSON object");
  json changes = json::object();
  for (auto& [name, value] : edited.items())
    if (!before.contains(name) || before[name] != value) changes[name] = value;
  for (auto& [name, value] : before.items())
    if (!edited.contains(name))
      return fail(errc::bad_arguments,
                  "the field '" + name + "' is missing; give it its default instead", "/" + name);
  return changes;
}

/// One try: what was written is read and sent. True when there was anything to change.
result<bool> send_draft(session& s, const std::string& name, const json& before,
                        const std::string& file) {
  auto text = read_input(file);
  if (!text) return tl::unexpected<error>(text.error());
  auto edited = parse_json(*text);
  if (!edited) return tl::unexpected<error>(edited.error());
  auto changes = changed_fields(before, *edited);
  if (!changes) return tl::unexpected<error>(changes.error());
  if (changes->empty()) return false;
  if (s.dry_run()) {
    s.show(*changes);
    return true;
  }
  named_values query;
  if (!s.given.has("no-wait")) query.emplace_back("wait", "45s");
  // The editor took the time that the user liked.
  auto sent = session::ask(
      s.client(), request_for("services.change", {{"name", name}}, query, print_json(*changes)),
      std::chrono::steady_clock::now() + std::chrono::seconds(50));
  if (!sent) return tl::unexpected<error>(sent.error());
  return true;
}

result<int> edit(session& s) {
  auto chosen = s.targets();
  if (!chosen) return tl::unexpected<error>(chosen.error());
  if (chosen->size() != 1) return fail(errc::bad_arguments, "one service is edited at a time");
  auto name = chosen->front().name;
  auto service = s.ask(request_for("services.show", {{"name", name}}));
  if (!service) return tl::unexpected<error>(service.error());
  auto before = service->value("spec", json::object());
  draft_file draft(name);
  if (draft.path().empty())
    return system_failure("no file can be made", std::filesystem::temp_directory_path().string());
  std::ofstream(draft.path()) << json_text_of(before, true) << "\n";
  for (;;) {
    if (auto ok = run_editor(draft.path()); !ok) return tl::unexpected<error>(ok.error());
    auto sent = send_draft(s, name, before, draft.path());
    if (sent) {
      if (!*sent || !s.dry_run()) s.tell(name + (*sent ? ": changed" : ": nothing to change"));
      return exits::ok;
    }
    s.complain(sent.error());
    if (s.screen.input && s.screen.errors && confirmed("Edit it again?")) continue;
    draft.keep();
    s.tell("what you wrote is in " + draft.path());
    return exit_code_of(sent.error());
  }
}

}  // namespace

void add_edit_verbs(handlers& to) {
  to["add"] = add;
  to["edit"] = edit;
}

}  // namespace sm::ctl
