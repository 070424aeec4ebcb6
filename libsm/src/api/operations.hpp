// What the manager serves itself, as one table: a row is an operation. The router, the check of
// queries and bodies and the documentation read it; handlers bind to rows by their id.
#pragma once

#include <limits>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sm/api_role.hpp>
#include "http/guard.hpp"

namespace sm {

enum class query_kind {
  text,      ///< as it is
  number,    ///< a whole number within the field's bounds
  duration,  ///< "300ms", "5s"
  word,      ///< one of the field's words, or "" for none
  words,     ///< some of the field's words, by commas; "" for none
  flag       ///< 1 or true, which the name alone means, too; 0 or false
};

struct query_field {
  std::string_view name;
  query_kind kind = query_kind::text;
  std::string_view doc{};
  std::uint64_t least = 0, most = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string_view> words{};
};

struct body_field {
  std::string_view name;
  std::string_view doc;
  std::string_view type{};  ///< JSON Schema's word for it; "" for any
  bool needed = false;
};

struct body_schema {
  /// nothing: the body is empty. fields: an object of `fields`. document: an object that a reader
  /// of its own checks (`called`). free: whatever the handler wants.
  enum class kind { nothing, fields, document, free } what = kind::nothing;
  std::string_view called{};
  std::vector<body_field> fields{};
  std::string_view schema{};  ///< of a document: its name among the schemas of OpenAPI
  bool optional = false;      ///< fields: no body is an object without any
};

/// How an answer comes: at once, when something has come to be (for as long as the caller waits),
/// or in parts without an end.
enum class answer_kind { plain, awaited, streamed };

/// What of an operation is there for a token that is good for some services alone.
enum class reach {
  manager,  ///< nothing
  service,  ///< when the service at `:name` is one of them
  some      ///< all: the handler shows what concerns them, or it is about none
};

struct operation {
  std::string_view id;
  std::string_view method;
  std::string_view path;  ///< a pattern of the router: `:name` captures a segment
  api_role role = api_role::viewer;
  route_access access = route_access::management;
  std::vector<query_field> query{};
  body_schema body{};
  std::string_view answer{};  ///< of success: its status where it is not 200, and what it holds
  answer_kind kind = answer_kind::plain;
  std::string_view summary{};
  unsigned status = 200;     ///< of success
  bool traffic = false;      ///< changes nothing, or comes at any rate: not audited
  std::string_view gives{};  ///< the answer's name among the schemas of OpenAPI, or a media type

  reach whose = reach::manager;  ///< of a path under a service: see `reaches`

  reach reaches() const noexcept {
    return path.starts_with("/v1/services/:name") ? reach::service : whose;
  }
  bool audited() const noexcept { return method != "GET" && !traffic; }
  /// Unknown names are refused: all but the probes, which others call as they are used to.
  bool strict() const noexcept { return path.starts_with("/v1/"); }
};

std::span<const operation> operations();

/// The row called `id`; it must be there.
const operation& operation_called(std::string_view id);

/// A name of a request's query with its decoded value: nothing where that was no UTF-8 or held a
/// NUL.
struct query_argument {
  std::string name;
  bool decoded = true;
  std::string value{};
};

/// Fails with `bad_arguments` and the name at fault for one that `op` does not know, that is given
/// twice, or whose value is not what its field takes.
result<void> check_query(const operation& op, std::span<const query_argument> given);

/// Names of a body, for `refuse_unknown`.
std::vector<std::string_view> body_names(const operation& op);

/// Which rows have a handler. Each takes one.
class bindings {
 public:
  explicit bindings(std::span<const operation> rows = operations())
      : rows_(rows), bound_(rows.size()) {}

  /// The row; fails with `internal` when there is none of this id, or it has a handler already.
  result<const operation*> bind(std::string_view id);
  /// Fails with `internal` when a row was left without a handler.
  result<void> check_complete() const;

 private:
  std::span<const operation> rows_;
  std::vector<bool> bound_;
};

/// The table of docs/http.md, in Markdown.
std::string operations_in_markdown(std::span<const operation> rows = operations());

}  // namespace sm
