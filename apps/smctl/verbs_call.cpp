// call: commands to services; and what call, add and queue push read alike.
#include <algorithm>

#include "text/texts.hpp"
#include "text/units.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds answer_slack = 3s;

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

json value_of(const std::string& text) {
  auto document = text.empty() ? result<json>(json("")) : parse_json(text);
  return document ? *document : json(text);
}

result<int> call_one(session& s, const std::string& name, const std::string& command,
                     const std::string& body) {
  named_values query;
  if (s.given.has("timeout")) query.emplace_back("timeout", format_duration(s.left()));
  progress shown(s.screen.errors && !s.quiet(), "waiting for", name);
  auto answer =
      s.ask(s.client(),
            request_for("services.command", {{"name", name}, {"command", command}}, query, body),
            s.deadline + answer_slack);
  shown.clear();
  if (!answer) return tl::unexpected<error>(answer.error());
  auto value = answer->value("result", json());
  if (!s.as_json() && value.is_string()) {
    put(harmless(value.get<std::string>()) + "\n");
  } else {
    put(json_text_of(value, s.output != form::jsonl) + "\n");
  }
  return exits::ok;
}

/// Each instance's answer under its name; what failed to stderr.
result<int> show_gathered(session& s, const json& gathered) {
  if (s.as_json()) {
    if (s.output == form::json) {
      s.show(gathered);
    } else {
      for (auto& [name, answer] : gathered.at("results").items()) {
        json line = answer;
        line["name"] = name;
        put(json_text_of(line, false) + "\n");
      }
    }
  }
  std::vector<int> codes;
  for (auto& [name, answer] : gathered.at("results").items()) {
    if (answer.value("ok", false)) {
      codes.push_back(exits::ok);
      if (!s.as_json()) {
        auto value = answer.value("result", json());
        put(harmless(name) + ": " +
            (value.is_string() ? harmless(value.get<std::string>()) : json_text_of(value, false)) +
            "\n");
      }
      continue;
    }
    auto reason = answer.value("error", json::object());
    error e{errc_from_name(text_in(reason, "code")).value_or(errc::internal),
            text_in(reason, "detail"), name};
    codes.push_back(exit_code_of(e));
    s.complain(e);
  }
  if (codes.empty()) return fail(errc::not_running, "nothing that was meant runs");
  return exit_code_of(codes);
}

result<int> call(session& s) {
  auto& words = s.given.operands;
  auto arguments = read_command_arguments(std::span(words).subspan(2));
  if (!arguments) return tl::unexpected<error>(arguments.error());
  auto body = arguments->is_null() ? std::string() : print_json(*arguments);
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto chosen =
      select_services(*listing, std::span(words).first(1), {.prefixes = true, .instances = true});
  if (!chosen) return tl::unexpected<error>(chosen.error());
  if (s.dry_run()) {
    for (auto& target : *chosen) put("would be called: " + target.name + "\n");
    return exits::ok;
  }
  if (!means_several(words[0]) || (chosen->size() == 1 && chosen->front().named))
    return call_one(s, chosen->front().name, words[1], body);
  // "all" is the manager's "*": sm's own services have no such command.
  named_values query{{"select", words[0] == "all" ? "*" : words[0]}};
  if (s.given.has("timeout")) query.emplace_back("timeout", format_duration(s.left()));
  progress shown(s.screen.errors && !s.quiet(), "waiting for", words[0]);
  auto gathered =
      s.ask(s.client(), request_for("services.gather", {{"command", words[1]}}, query, body),
            s.deadline + answer_slack);
  shown.clear();
  if (!gathered) return tl::unexpected<error>(gathered.error());
  return show_gathered(s, *gathered);
}

}  // namespace

result<json> read_command_arguments(std::span<const std::string> words) {
  if (words.empty()) return json();
  auto wrong = [](const std::string& word) {
    return fail(errc::bad_arguments, in_quotes(word) +
                                         " is neither KEY=VALUE nor JSON; a text is "
                                         "written '\"text\"'");
  };
  json object = json::object();
  for (auto& word : words) {
    auto equals = word.find('=');
    if (equals == word.npos || !is_key(std::string_view(word).substr(0, equals))) {
      if (words.size() > 1) return wrong(word);
      auto document = parse_json(word);
      if (!document || word.empty()) return wrong(word);
      return document;
    }
    auto key = word.substr(0, equals);
    if (object.contains(key)) return fail(errc::bad_arguments, in_quotes(key) + " is given twice");
    object[key] = value_of(word.substr(equals + 1));
  }
  return object;
}

result<void> set_field(json& document, const std::string& assignment) {
  auto equals = assignment.find('=');
  auto key = assignment.substr(0, equals);
  if (equals == assignment.npos || !is_key(key))
    return fail(errc::bad_arguments, in_quotes(assignment) + " is not FIELD=VALUE");
  json* at = &document;
  for (std::string_view rest = key;;) {
    auto dot = rest.find('.');
    auto& next = (*at)[std::string(rest.substr(0, dot))];
    if (dot == rest.npos) {
      next = value_of(assignment.substr(equals + 1));
      return {};
    }
    if (!next.is_object() && !next.is_null())
      return fail(errc::bad_arguments, in_quotes(assignment) + " goes into what is no object");
    if (next.is_null()) next = json::object();
    at = &next;
    rest.remove_prefix(dot + 1);
  }
}

void add_call_verbs(handlers& to) { to["call"] = call; }

}  // namespace sm::ctl
