#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "answers.hpp"
#include "http/url.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds default_patience = 2min;
constexpr std::size_t token_max = 4096;

form form_of(const invocation& given) {
  auto word = given.value("output", "table");
  return word == "wide"    ? form::wide
         : word == "json"  ? form::json
         : word == "jsonl" ? form::jsonl
                           : form::table;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

question request_for(std::string_view operation, const named_values& captures,
                     const named_values& query, std::string body) {
  auto& row = operation_called(operation);
  question rq;
  rq.of = &row;
  rq.method = row.method;
  rq.body = std::move(body);
  std::string_view rest = row.path;
  while (!rest.empty()) {
    auto segment = rest.substr(0, rest.find('/', 1));
    rest.remove_prefix(segment.size());
    if (!segment.starts_with("/:")) {
      rq.target += segment;
      continue;
    }
    auto value = std::find_if(captures.begin(), captures.end(),
                              [&](auto& c) { return c.first == segment.substr(2); });
    if (value == captures.end())
      throw std::logic_error(std::string(operation) + " needs " + std::string(segment));
    if (value->second.empty())
      throw failure(errc::bad_arguments, "must not be empty", "the " + std::string(value->first));
    rq.target += "/" + percent_encode(value->second);
  }
  char before = '?';
  for (auto& [name, value] : query) {
    auto known = std::find_if(row.query.begin(), row.query.end(),
                              [&, n = name](auto& field) { return field.name == n; });
    if (known == row.query.end())
      throw std::logic_error(std::string(operation) + " has no " + std::string(name));
    rq.target += std::exchange(before, '&') + std::string(name) + "=" + percent_encode(value);
  }
  return rq;
}

result<server_address> choose_server(const invocation& given) {
  if (given.has("server")) {
    auto address = parse_server_address(given.value("server"));
    if (!address) return fail(address.error().code, address.error().detail, "--server");
    return address;
  }
  if (auto url = variable("SM_SERVER"); !url.empty()) {
    auto address = parse_server_address(url);
    if (!address) return fail(address.error().code, address.error().detail, "SM_SERVER");
    return address;
  }
  std::error_code ec;
  return find_manager({.here = std::filesystem::current_path(ec), .around = own_surroundings()});
}

result<std::string> read_token(const invocation& given) {
  auto file = given.has("token-file") ? given.value("token-file") : variable("SM_TOKEN_FILE");
  std::string token = variable("SM_TOKEN");
  if (!file.empty()) {
    std::ifstream in(file);
    if (!in || !std::getline(in, token))
      return fail(errc::bad_arguments, "cannot read a token from it", file);
  }
  // It becomes a header field.
  if (token.size() > token_max || token.find_first_of(std::string_view("\r\n\0", 3)) != token.npos)
    return fail(errc::bad_arguments, "that is no token", file.empty() ? "SM_TOKEN" : file);
  return token;
}

session::session(const invocation& args, server_address server, std::string token)
    : given(args),
      screen(terminal::of(args)),
      output(form_of(args)),
      deadline(clock::now() + args.duration("timeout", default_patience)),
      server_(std::move(server)),
      token_(std::move(token)),
      client_(server_, token_) {}

std::chrono::milliseconds session::left() const {
  return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()));
}

result<json> session::ask(const question& q) {
  progress shown(screen.errors && !quiet(), "waiting for", "the manager");
  return ask(client_, q, deadline);
}

result<json> session::ask(http_client& client, const question& q, time_point until) {
  auto reply = client.ask(q, until);
  if (!reply) return tl::unexpected<error>(reply.error());
  if (!reply->ok()) return tl::unexpected<error>(error_in(*reply));
  auto document = parse_json(reply->body);
  if (!document)
    return fail(errc::bad_request, "what answers there is no manager: to " + std::string(q.of->id) +
                                       " it says no JSON");
  if (auto ok = check_answer(*q.of, *document); !ok) return tl::unexpected<error>(ok.error());
  return document;
}

result<json> session::services(std::string members) {
  progress shown(screen.errors && !quiet(), "waiting for", "the manager");
  return services(client_, std::move(members), deadline);
}

result<json> session::services(http_client& client, std::string members, time_point until) {
  if (members.empty()) return ask(client, request_for("services.list"), until);
  auto listing =
      ask(client, request_for("services.list", {}, {{"fields", std::move(members)}}), until);
  // A manager that was not brought to this version yet may know no such parameter.
  if (!listing && listing.error().where == "fields")
    return ask(client, request_for("services.list"), until);
  return listing;
}

result<std::vector<selected>> session::targets(std::size_t first, std::size_t but_last,
                                               const selection_rules& rules) {
  auto listing = services("group,tags");
  if (!listing) return tl::unexpected<error>(listing.error());
  std::span words(given.operands);
  return select_services(*listing, words.subspan(first, words.size() - first - but_last), rules);
}

void session::tell(std::string_view message) const {
  if (!quiet()) say(message);
}

void session::complain(const error& e) const {
  auto label = toned("smctl:", tone::bad, screen.colour_errors);
  std::string where =
      e.where.empty() || e.detail.find(e.where) != e.detail.npos ? "" : e.where + ": ";
  auto detail = e.detail.empty() ? std::string(traits(e.code).title) : e.detail;
  std::string text = label + " " + harmless(where + detail) + "\n";
  std::fputs(text.c_str(), stderr);
}

void session::show(const table& t) const {
  if (quiet()) {
    std::string text;
    for (auto& row : t.rows) text += harmless(row.front().text) + "\n";
    return put(text);
  }
  put(print(t, screen.output ? terminal::width() : 0, screen.colour));
}

void session::show(const json& document, const char* of) const {
  if (output != form::jsonl) return put(json_text_of(document, true) + "\n");
  auto list = of ? document.find(of) : document.end();
  if (list == document.end() || !list->is_array()) return put(json_text_of(document, false) + "\n");
  std::string text;
  for (auto& element : *list) text += json_text_of(element, false) + "\n";
  put(text);
}

result<void> session::confirm(const std::string& question) const {
  if (given.has("yes") || dry_run()) return {};
  if (!screen.input || !screen.errors)
    return fail(errc::bad_arguments,
                "this destroys something and there is no terminal to ask: "
                "say --yes");
  if (confirmed(question)) return {};
  return fail(errc::cancelled, "not done");
}

std::string json_text_of(const json& document, bool pretty) {
  auto text = document.dump(pretty ? 2 : -1, ' ', false, json::error_handler_t::replace);
  // What JSON leaves as it is, and a terminal obeys: DEL, C1, and the marks that turn text around.
  // They stand within strings alone.
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = [&](std::size_t n) {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0U;
    };
    unsigned code = 0;
    if (byte(0) == 0x7f)
      code = 0x7f;
    else if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) < 0xa0)
      code = byte(1);
    else if (byte(0) == 0xe2 && byte(1) == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae)
      code = 0x2000U + (byte(2) & 0x3fU);
    else if (byte(0) == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9)
      code = 0x2040U + (byte(2) & 0x3fU);
    if (code == 0) {
      out += text[i];
      continue;
    }
    out += fmt::format("\\u{:04x}", code);
    i += code == 0x7f ? 0 : code < 0xa0 ? 1 : 2;
  }
  return out;
}

}  // namespace sm::ctl
