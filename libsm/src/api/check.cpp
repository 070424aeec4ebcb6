// What is done with the rows.
#include <algorithm>
#include <stdexcept>

#include "api/operations.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

result<void> check_word(const query_field& field, std::string_view word) {
  if (std::find(field.words.begin(), field.words.end(), word) != field.words.end()) return {};
  return fail(errc::bad_arguments,
              in_quotes(word) + " is no value of it" + instead_of(word, field.words));
}

result<void> check_words(const query_field& field, std::string_view list) {
  for (std::size_t begin = 0; begin <= list.size();) {
    auto end = std::min(list.find(',', begin), list.size());
    if (auto ok = check_word(field, list.substr(begin, end - begin)); !ok) return ok;
    begin = end + 1;
  }
  return {};
}

result<void> check_value(const query_field& field, const std::string& value) {
  switch (field.kind) {
    case query_kind::text:
      return check_text(value);
    case query_kind::number:
      if (auto n = parse_integer<std::uint64_t>(value, field.least, field.most); !n)
        return tl::unexpected<error>(n.error());
      return {};
    case query_kind::duration:
      if (auto d = parse_duration(value); !d) return tl::unexpected<error>(d.error());
      return {};
    case query_kind::word:
      return value.empty() ? result<void>{} : check_word(field, value);
    case query_kind::words:
      return value.empty() ? result<void>{} : check_words(field, value);
    case query_kind::flag:
      if (value.empty() || value == "1" || value == "true" || value == "0" || value == "false")
        return {};
      return fail(errc::bad_arguments, "must be 1 or 0, not " + in_quotes(value));
  }
  return {};
}

}  // namespace

const operation& operation_called(std::string_view id) {
  auto rows = operations();
  auto row = std::find_if(rows.begin(), rows.end(), [&](auto& op) { return op.id == id; });
  if (row == rows.end()) throw std::logic_error("there is no operation " + std::string(id));
  return *row;
}

result<void> check_query(const operation& op, std::span<const query_argument> given) {
  for (auto argument = given.begin(); argument != given.end(); ++argument) {
    auto field = std::find_if(op.query.begin(), op.query.end(),
                              [&](auto& f) { return f.name == argument->name; });
    if (field == op.query.end()) {
      if (!op.strict()) continue;
      std::vector<std::string_view> known;
      for (auto& f : op.query) known.push_back(f.name);
      return fail(errc::bad_arguments, "unknown parameter" + instead_of(argument->name, known),
                  argument->name);
    }
    if (!argument->decoded)
      return fail(errc::bad_arguments,
                  "its value is not percent-encoded as RFC 3986 has it, or holds a NUL",
                  argument->name);
    if (std::any_of(given.begin(), argument,
                    [&](auto& other) { return other.name == field->name; }))
      return fail(errc::bad_arguments, "is given twice", argument->name);
    if (auto ok = check_value(*field, argument->value); !ok)
      return fail(errc::bad_arguments, ok.error().detail, argument->name);
  }
  return {};
}

std::vector<std::string_view> body_names(const operation& op) {
  std::vector<std::string_view> names;
  for (auto& field : op.body.fields) names.push_back(field.name);
  return names;
}

result<const operation*> bindings::bind(std::string_view id) {
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](auto& op) { return op.id == id; });
  if (row == rows_.end())
    return fail(errc::internal, "this handler is for no operation of the table", std::string(id));
  auto index = static_cast<std::size_t>(row - rows_.begin());
  if (bound_[index])
    return fail(errc::internal, "this operation has two handlers", std::string(id));
  bound_[index] = true;
  return &*row;
}

result<void> bindings::check_complete() const {
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (!bound_[i])
      return fail(errc::internal, "this operation has no handler", std::string(rows_[i].id));
  return {};
}

}  // namespace sm
