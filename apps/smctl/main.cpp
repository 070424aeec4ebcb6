// smctl: operates a manager from the command line.
#include <csignal>
#include <cstdio>

#include "completion.hpp"
#include "help.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// For a shell that waits while somebody types.
constexpr std::chrono::milliseconds completion_patience = 1s;

int refuse(const invocation& given, const error& e) {
  auto screen = terminal::of(given);
  std::string where =
      e.where.empty() || e.detail.find(e.where) != e.detail.npos ? "" : e.where + ": ";
  auto detail = e.detail.empty() ? std::string(traits(e.code).title) : e.detail;
  auto text =
      toned("smctl:", tone::bad, screen.colour_errors) + " " + harmless(where + detail) + "\n";
  std::fputs(text.c_str(), stderr);
  return exit_code_of(e);
}

std::vector<candidate> named(const result<json>& listing, const char* of, const char* name,
                             const char* doc) {
  std::vector<candidate> out;
  if (listing)
    for (auto& entry : listing->at(of)) out.push_back({text_in(entry, name), text_in(entry, doc)});
  return out;
}

/// Names from the manager that the words would reach, or none.
std::vector<candidate> names_from_manager(const invocation& given, names kind,
                                          std::span<const std::string> before) {
  auto address = choose_server(given);
  auto token = read_token(given);
  if (!address || !token) return {};
  http_client client(*address, *token);
  auto ask = [&](const question& q) {
    return session::ask(client, q, clock::now() + completion_patience);
  };
  switch (kind) {
    case names::services:
    case names::instances: {
      auto listing = ask(request_for("services.list"));
      auto out = named(listing, "services", "name", "state");
      if (!listing) return out;
      for (auto& service : listing->at("services")) {
        auto group = text_in(service, "group");
        if (!group.empty()) out.push_back({"group:" + group, "all of the group"});
        for (auto& tag : service.value("tags", json::array()))
          out.push_back({"tag:" + tag.get<std::string>(), "all with the tag"});
        if (kind == names::instances)
          for (auto& i : service.value("instance_list", json::array()))
            out.push_back({text_in(i, "name"), text_in(i, "state")});
      }
      out.push_back({"all", "all services"});
      return out;
    }
    case names::commands: {
      if (before.empty()) return {};
      auto name = before.front().substr(0, before.front().find(':'));
      auto service = ask(request_for("services.show", {{"name", name}}));
      std::vector<candidate> out;
      if (service)
        for (auto& command : service->value("commands", json::array()))
          out.push_back({command.get<std::string>()});
      return out;
    }
    case names::queues:
      return named(ask(request_for("queues.list")), "queues", "name", "");
    case names::dead_jobs:
      return named(ask(request_for("failed.list", {}, {{"limit", "50"}})), "failed", "id", "type");
    case names::job_types:
      return named(ask(request_for("failed.list", {}, {{"limit", "50"}})), "failed", "type", "");
    case names::schedules:
      return named(ask(request_for("schedules.list")), "schedules", "name", "cron");
    default:
      return {};
  }
}

/// "__complete -- WORDS": a line for each word that may stand last, with what it is behind a tab.
int complete_words(std::span<const std::string> words) {
  // What stands before says where the manager is, as far as it can be read.
  invocation given;
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    for (std::string_view name : {"server", "token-file"}) {
      auto dashed = "--" + std::string(name);
      bool apart = words[i] == dashed || (words[i] == "-s" && name == "server");
      if (words[i].starts_with(dashed + "="))
        given.options[name] = {words[i].substr(dashed.size() + 1)};
      else if (apart && i + 2 < words.size())
        given.options[name] = {words[i + 1]};
    }
  auto found = complete(
      words, [&](names kind, auto before) { return names_from_manager(given, kind, before); });
  std::string text;
  std::vector<std::string> seen;
  for (auto& [word, doc] : found) {
    if (std::find(seen.begin(), seen.end(), word) != seen.end()) continue;
    seen.push_back(word);
    text += harmless(word) + (word == files_fit ? "" : "\t" + harmless(doc)) + "\n";
  }
  put(text);
  return exits::ok;
}

result<int> help(const invocation& given) {
  if (given.operands.empty()) {
    put(help_text());
    return exits::ok;
  }
  auto name = given.operands[0];
  if (given.operands.size() > 1) name += " " + given.operands[1];
  if (!find_verb(name) && !default_of(name).empty()) {
    std::string text;
    for (auto& row : verbs())
      if (row.name.starts_with(name + " ")) text += (text.empty() ? "" : "\n") + help_text(row);
    put(text);
    return exits::ok;
  }
  // The reader knows how to say what was meant.
  std::vector<std::string> words(given.operands);
  auto* row = find_verb(name);
  if (!row) {
    auto read = read_arguments(words);
    if (!read) return tl::unexpected<error>(read.error());
    row = read->verb;
  }
  put(help_text(*row));
  return exits::ok;
}

result<int> run(const invocation& given) {
  if (given.verb->name == "help") return help(given);
  if (given.verb->name == "version") {
    put("smctl " SM_VERSION "\n");
    return exits::ok;
  }
  if (given.verb->name == "completion") {
    auto script = completion_script(given.operands.front());
    if (!script) return tl::unexpected<error>(script.error());
    put(*script);
    return exits::ok;
  }
  if (given.verb->name == "import") return import_files(given);
  auto address = choose_server(given);
  if (!address) return tl::unexpected<error>(address.error());
  auto token = read_token(given);
  if (!token) return tl::unexpected<error>(token.error());
  session s(given, std::move(*address), std::move(*token));
  return all_handlers().at(given.verb->name)(s);
}

int main_of(std::span<const std::string> words) {
  std::signal(SIGPIPE, SIG_IGN);
  if (!words.empty() && words[0] == "__complete")
    return complete_words(words.subspan(words.size() > 1 && words[1] == "--" ? 2 : 1));
  if (words.size() == 1 && words[0] == "__man") {
    put(man_page());
    return exits::ok;
  }
  auto given = read_arguments(words);
  if (!given) return refuse({}, given.error());
  try {
    auto code = run(*given);
    return code ? *code : refuse(*given, code.error());
  } catch (const failure& e) {
    return refuse(*given, e.reason());
  }
}

}  // namespace
}  // namespace sm::ctl

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  try {
    return sm::ctl::main_of(words);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "smctl: %s\n", e.what());
    return sm::ctl::exits::failed;
  }
}
