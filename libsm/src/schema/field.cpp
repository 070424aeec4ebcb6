#include "schema/field.hpp"

#include <algorithm>
#include <array>

#include "text/texts.hpp"

namespace sm {
namespace {

tl::unexpected<error> at(std::string where, error e) {
  return fail(errc::invalid_spec, std::move(e.detail), std::move(where) + e.where);
}

std::string pointer_of(const field_row& row) { return "/" + std::string(row.name); }

}  // namespace

std::string_view to_string(field_kind kind) noexcept {
  constexpr std::array<std::string_view, 14> words{
      "text",   "path",           "text",      "flag",          "whole number",
      "number", "duration",       "size",      "list of texts", "list of whole numbers",
      "list",   "table of texts", "any value", "table"};
  return words[static_cast<std::size_t>(kind)];
}

result<void> read_fields(const json& document, void* object, field_rows rows) {
  if (!document.is_object()) return fail(errc::invalid_spec, "must be an object");
  std::size_t seen = 0;
  for (auto& row : rows) {
    auto entry = document.find(row.name);
    if (entry == document.end()) continue;
    ++seen;
    if (auto ok = row.type->read(*entry, row.in(object), row.rules); !ok)
      return at(pointer_of(row), std::move(ok.error()));
  }
  if (seen == document.size()) return {};
  std::vector<std::string_view> known;
  for (auto& row : rows) known.push_back(row.name);
  for (auto& entry : document.items())
    if (auto& key = entry.key(); std::find(known.begin(), known.end(), key) == known.end())
      return fail(errc::invalid_spec, "unknown field" + instead_of(key, known), pointer_to(key));
  return {};
}

json write_fields(const void* object, field_rows rows) {
  auto document = json::object();
  for (auto& row : rows) document[std::string(row.name)] = row.type->write(row.in(object));
  return document;
}

json write_changed_fields(const void* object, const void* defaults, field_rows rows) {
  auto document = json::object();
  for (auto& row : rows) {
    auto *member = row.in(object), *usual = row.in(defaults);
    if (auto within = row.rows(); !within.empty()) {
      if (auto changed = write_changed_fields(member, usual, within); !changed.empty())
        document[std::string(row.name)] = std::move(changed);
    } else if (!row.type->equal || !row.type->equal(member, usual)) {
      document[std::string(row.name)] = row.type->write(member);
    }
  }
  return document;
}

std::size_t size_at_most(const void* object, field_rows rows) {
  std::size_t size = detail::small_at_most;
  for (auto& row : rows)
    size += detail::small_at_most + row.name.size() + row.type->size_at_most(row.in(object));
  return size;
}

result<void> check_fields(const void* object, field_rows rows) {
  for (auto& row : rows) {
    auto* member = row.in(object);
    auto ok = row.type->check(member, row.rules);
    if (ok && row.rules.check) ok = row.rules.check(member);
    if (!ok) return at(pointer_of(row), std::move(ok.error()));
  }
  return {};
}

}  // namespace sm
