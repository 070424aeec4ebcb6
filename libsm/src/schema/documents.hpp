// Rows as documents about them: a JSON Schema, a table for people.
#pragma once

#include "schema/field.hpp"

namespace sm {

/// JSON Schema of an object with these fields and no others.
json json_schema(field_rows rows);

/// JSON Schema's word for what is written of the kind; "" for any.
std::string_view json_type(field_kind kind) noexcept;

/// Which rows a table has, and whether their meanings.
struct table_form {
  enum class which { all, of_types, of_programs } rows = which::all;
  bool meanings = true;
  bool named = true;  ///< false: without the row `name`, which stands elsewhere
};

/// A table in Markdown: each key with its kind, its value in `defaults`, and its meaning; those of
/// a table within it one by one.
std::string markdown_table(const void* defaults, field_rows rows, table_form form = {});
/// The same as a list for man(7).
std::string roff_list(const void* defaults, field_rows rows, table_form form = {});

}  // namespace sm
