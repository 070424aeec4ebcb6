// One run of smctl: what was given, the manager it talks to, and how its answers are shown.
#pragma once

#include <chrono>
#include <optional>
#include <sm/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/operations.hpp"
#include "arguments.hpp"
#include "exit_codes.hpp"
#include "http/client/http_client.hpp"
#include "select.hpp"
#include "table.hpp"
#include "terminal.hpp"

namespace sm::ctl {

enum class form { table, wide, json, jsonl };

using named_values = std::vector<std::pair<std::string_view, std::string>>;

/// A request, and the operation that it asks for.
struct question : client_request {
  const operation* of = nullptr;
};

/// The request for an operation of the table: its captures filled in, its query checked. Throws
/// std::logic_error for what the row does not have, `failure` for a name that is empty.
question request_for(std::string_view operation, const named_values& captures = {},
                     const named_values& query = {}, std::string body = {});

/// Where the manager is, by --server, SM_SERVER or the search.
result<server_address> choose_server(const invocation& given);

/// The token of --token-file, SM_TOKEN_FILE or SM_TOKEN; "" without one.
result<std::string> read_token(const invocation& given);

class session {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  session(const invocation& args, server_address server, std::string token);

  const invocation& given;
  const terminal screen;
  const form output;
  const time_point deadline;  ///< of all that this run does

  /// A client of its own for another thread.
  http_client new_client() const { return http_client(server_, token_); }
  http_client& client() noexcept { return client_; }
  const server_address& server() const noexcept { return server_; }

  std::chrono::milliseconds left() const;

  /// Asks an operation; what is no success is its error, and so is an answer of another shape than
  /// the operation gives.
  result<json> ask(const question& q);
  static result<json> ask(http_client& client, const question& q, time_point until);

  /// services.list, of each service all or some members (`service_members`, by commas) beside its
  /// name and its state.
  result<json> services(std::string members = {});
  static result<json> services(http_client& client, std::string members, time_point until);
  /// Those that the operands from `first` on mean, less `but_last` at the end.
  result<std::vector<selected>> targets(std::size_t first = 0, std::size_t but_last = 0,
                                        const selection_rules& rules = {});

  bool quiet() const { return given.has("quiet"); }
  bool dry_run() const { return given.has("dry-run"); }
  bool as_json() const { return output == form::json || output == form::jsonl; }

  /// To stderr, unless --quiet.
  void tell(std::string_view message) const;
  /// To stderr, whatever was asked for.
  void complain(const error& e) const;

  /// Prints a table, or with -q its first column.
  void show(const table& t) const;
  /// Prints a document, or with -o jsonl the elements of its list `of`, a line each.
  void show(const json& document, const char* of = nullptr) const;

  /// True with --yes, or when a terminal's user says so; else fails with what is needed.
  result<void> confirm(const std::string& question) const;

 private:
  server_address server_;
  std::string token_;
  http_client client_;
};

/// JSON as text that a terminal obeys in nothing: all but ASCII's printables is escaped where it
/// would.
std::string json_text_of(const json& document, bool pretty);

}  // namespace sm::ctl
