// The fields of a document as rows: name, meaning, member, bounds, what a change of it asks for. A
// struct whose rows are told by `fields_of` is read, printed, checked, compared and documented from
// them. Rows are constants: who holds none of their structs pays nothing for them.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <sm/error.hpp>
#include <sm/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

struct field_row;
using field_rows = std::span<const field_row>;

enum class field_kind : std::uint8_t {
  text,
  path,
  word,  ///< a text that is one of a few
  flag,
  whole,
  number,
  duration,
  size,  ///< bytes
  texts,
  wholes,
  list,  ///< of JSON values
  text_map,
  any,    ///< a JSON value
  object  ///< a JSON object of whatever members, or a table of rows of its own
};
/// As the documentation calls it.
std::string_view to_string(field_kind kind) noexcept;

/// Whether who is given another value needs a new process.
enum class renewal : std::uint8_t { no, process, process_of_program };

/// What of a field nobody is shown.
enum class hiding : std::uint8_t {
  nothing,
  values,    ///< of each member
  by_name,   ///< of those members that are secrets by their names
  password,  ///< of a URL
};

/// What a row says beside name, meaning and member.
struct field_rules {
  static constexpr auto no_least = std::numeric_limits<std::int64_t>::min();
  static constexpr auto no_most = std::numeric_limits<std::int64_t>::max();

  /// Bounds of a number, of a duration in milliseconds, of a size in bytes.
  std::int64_t least = no_least, most = no_most;
  bool or_none = false;  ///< 0, or an empty text, is none and beside the bounds and words
  bool object = false;   ///< of a JSON value: it is an object
  std::span<const std::string_view> words{};  ///< of a text that is one of them
  /// What else must hold, see `checked`; its error's `where` is relative to the member.
  result<void> (*check)(const void* member) = nullptr;
  renewal renews = renewal::no;
  hiding hides = hiding::nothing;
  bool of_programs = false;      ///< means nothing to a service of a type
  std::string_view otherwise{};  ///< what the documentation shows as the default, if not the value
};

namespace detail {

/// What is done with members of one type.
struct member_type {
  field_kind kind;
  field_rows (*rows)();                          ///< of a table, else null
  std::span<const std::string_view> (*words)();  ///< of an enumeration in its order, else null
  result<void> (*read)(const json& value, void* member, const field_rules& rules);
  json (*write)(const void* member);
  /// Null where a setting cannot be of the type.
  result<void> (*read_text)(std::string_view text, void* member);
  std::string (*print_text)(const void* member);
  result<void> (*check)(const void* member, const field_rules& rules);
  std::size_t (*size_at_most)(const void* member);
  bool (*equal)(const void* a, const void* b);
  void (*assign)(void* to, const void* from);
};

}  // namespace detail

struct field_row {
  std::string_view name;
  std::string_view doc;
  void* (*member)(void* object);
  const detail::member_type* type;
  field_rules rules;

  void* in(void* object) const { return member(object); }
  const void* in(const void* object) const { return member(const_cast<void*>(object)); }
  field_kind kind() const noexcept {
    if (rules.object) return field_kind::object;
    return rules.words.empty() ? type->kind : field_kind::word;
  }
  /// The words of one that is a word.
  std::span<const std::string_view> words() const {
    return type->words ? type->words() : rules.words;
  }
  /// Those of a table; none of any other.
  field_rows rows() const { return type->rows ? type->rows() : field_rows{}; }
};

/// Reads `document` over the object that `rows` describe: what it does not mention stays. Unknown
/// fields and wrong types fail with `invalid_spec` and the field's JSON pointer.
result<void> read_fields(const json& document, void* object, field_rows rows);

/// Every field.
json write_fields(const void* object, field_rows rows);

/// Those that differ from `defaults`, an object of the same kind: what reads over such an object
/// needs no more.
json write_changed_fields(const void* object, const void* defaults, field_rows rows);

/// How long `write_fields` is at most as a text, but for JSON values: it need not be written to
/// know.
std::size_t size_at_most(const void* object, field_rows rows);

/// Whether texts are texts and everything is within its bounds; fails like `read_fields`.
result<void> check_fields(const void* object, field_rows rows);

template <class T>
concept has_fields = requires(const T* object) {
  { fields_of(object) } -> std::same_as<field_rows>;
};

template <has_fields T>
field_rows rows_of() {
  return fields_of(static_cast<const T*>(nullptr));
}

/// `document` read over `base`, and checked.
template <has_fields T>
result<T> from_fields(const json& document, T base = {}) {
  auto ok = read_fields(document, &base, rows_of<T>());
  if (ok) ok = check_fields(&base, rows_of<T>());
  if (!ok) return tl::unexpected<error>(std::move(ok.error()));
  return base;
}

template <has_fields T>
json to_fields(const T& object) {
  return write_fields(&object, rows_of<T>());
}

namespace detail {

using texts = std::vector<std::string>;
using text_map = std::map<std::string, std::string>;
using std::chrono::milliseconds;

result<void> read(const json& value, std::string& out, const field_rules& rules);
result<void> read(const json& value, std::filesystem::path& out, const field_rules& rules);
result<void> read(const json& value, bool& out, const field_rules& rules);
result<void> read(const json& value, unsigned& out, const field_rules& rules);
result<void> read(const json& value, int& out, const field_rules& rules);
result<void> read(const json& value, std::int64_t& out, const field_rules& rules);
result<void> read(const json& value, std::uint64_t& out, const field_rules& rules);
result<void> read(const json& value, double& out, const field_rules& rules);
result<void> read(const json& value, milliseconds& out, const field_rules& rules);
result<void> read(const json& value, texts& out, const field_rules& rules);
result<void> read(const json& value, std::vector<int>& out, const field_rules& rules);
result<void> read(const json& value, std::vector<json>& out, const field_rules& rules);
result<void> read(const json& value, text_map& out, const field_rules& rules);
result<void> read(const json& value, json& out, const field_rules& rules);
/// Which of the words it is.
result<std::size_t> read_word(const json& value, std::span<const std::string_view> words);

json write(const std::filesystem::path& value);
json write(milliseconds value);
template <class T>
json write(const T& value) {
  return value;
}

result<void> read_text(std::string_view text, std::string& out);
result<void> read_text(std::string_view text, std::filesystem::path& out);
result<void> read_text(std::string_view text, bool& out);
result<void> read_text(std::string_view text, unsigned& out);
result<void> read_text(std::string_view text, std::uint64_t& out);
result<void> read_text(std::string_view text, double& out);
result<void> read_text(std::string_view text, milliseconds& out);
result<void> read_text(std::string_view text, texts& out);

std::string print_text(const std::string& value);
std::string print_text(const std::filesystem::path& value);
std::string print_text(bool value);
std::string print_text(unsigned value);
std::string print_text(std::uint64_t value);
std::string print_text(double value);
std::string print_text(milliseconds value);
std::string print_text(const texts& value);

result<void> check(const std::string& value, const field_rules& rules);
result<void> check(unsigned value, const field_rules& rules);
result<void> check(int value, const field_rules& rules);
result<void> check(std::int64_t value, const field_rules& rules);
result<void> check(std::uint64_t value, const field_rules& rules);
result<void> check(double value, const field_rules& rules);
result<void> check(milliseconds value, const field_rules& rules);
result<void> check(const texts& value, const field_rules& rules);
result<void> check(const text_map& value, const field_rules& rules);
result<void> check_json(const json& value, const field_rules& rules);

std::size_t size_at_most(const std::string& value);
std::size_t size_at_most(const texts& value);
std::size_t size_at_most(const std::vector<int>& value);
std::size_t size_at_most(const text_map& value);
inline constexpr std::size_t small_at_most = 64;  // a number, a duration, a word

template <class T>
constexpr field_kind kind_of() {
  if constexpr (std::same_as<T, std::string>) return field_kind::text;
  if constexpr (std::same_as<T, std::filesystem::path>) return field_kind::path;
  if constexpr (std::is_enum_v<T>) return field_kind::word;
  if constexpr (std::same_as<T, bool>) return field_kind::flag;
  if constexpr (std::same_as<T, unsigned> || std::same_as<T, int> || std::same_as<T, std::int64_t>)
    return field_kind::whole;
  if constexpr (std::same_as<T, double>) return field_kind::number;
  if constexpr (std::same_as<T, milliseconds>) return field_kind::duration;
  if constexpr (std::same_as<T, std::uint64_t>) return field_kind::size;
  if constexpr (std::same_as<T, texts>) return field_kind::texts;
  if constexpr (std::same_as<T, std::vector<int>>) return field_kind::wholes;
  if constexpr (std::same_as<T, std::vector<json>>) return field_kind::list;
  if constexpr (std::same_as<T, text_map>) return field_kind::text_map;
  if constexpr (std::same_as<T, json>) return field_kind::any;
  return field_kind::object;
}

template <class T>
struct of_type {
  static const T& get(const void* member) { return *static_cast<const T*>(member); }

  static result<void> read(const json& value, void* member, const field_rules& rules) {
    auto& out = *static_cast<T*>(member);
    if constexpr (has_fields<T>) {
      return read_fields(value, member, rows_of<T>());
    } else if constexpr (std::is_enum_v<T>) {
      auto word = read_word(value, words_of(T{}));
      if (!word) return tl::unexpected<error>(std::move(word.error()));
      out = static_cast<T>(*word);
      return {};
    } else {
      return detail::read(value, out, rules);
    }
  }
  static json write(const void* member) {
    if constexpr (has_fields<T>)
      return write_fields(member, rows_of<T>());
    else if constexpr (std::is_enum_v<T>)
      return words_of(T{})[static_cast<std::size_t>(get(member))];
    else
      return detail::write(get(member));
  }
  static result<void> read_text(std::string_view text, void* member) {
    return detail::read_text(text, *static_cast<T*>(member));
  }
  static std::string print_text(const void* member) { return detail::print_text(get(member)); }
  static result<void> check(const void* member, const field_rules& rules) {
    if constexpr (has_fields<T>)
      return check_fields(member, rows_of<T>());
    else if constexpr (std::same_as<T, json>)
      return detail::check_json(get(member), rules);
    else if constexpr (has_check)
      return detail::check(get(member), rules);
    else
      return {};
  }
  static std::size_t size_at_most(const void* member) {
    if constexpr (has_fields<T>)
      return sm::size_at_most(member, rows_of<T>());
    else if constexpr (std::same_as<T, std::string> || std::same_as<T, texts> ||
                       std::same_as<T, std::vector<int>> || std::same_as<T, text_map>)
      return detail::size_at_most(get(member));
    else
      return small_at_most;
  }
  static bool equal(const void* a, const void* b) { return get(a) == get(b); }
  static void assign(void* to, const void* from) { *static_cast<T*>(to) = get(from); }

  static constexpr auto rows() -> field_rows (*)() {
    if constexpr (has_fields<T>)
      return &rows_of<T>;
    else
      return nullptr;
  }
  static constexpr auto words() -> std::span<const std::string_view> (*)() {
    if constexpr (std::is_enum_v<T>)
      return [] { return std::span<const std::string_view>(words_of(T{})); };
    else
      return nullptr;
  }
  static constexpr bool has_check =
      !std::is_enum_v<T> && !std::same_as<T, bool> && !std::same_as<T, std::filesystem::path> &&
      !std::same_as<T, std::vector<int>> && !std::same_as<T, std::vector<json>>;
  static constexpr bool has_text =
      !has_fields<T> && !std::is_enum_v<T> && !std::same_as<T, int> &&
      !std::same_as<T, std::int64_t> && !std::same_as<T, json> && !std::same_as<T, text_map> &&
      !std::same_as<T, std::vector<int>> && !std::same_as<T, std::vector<json>>;
};

template <class T>
constexpr member_type make_type() {
  using of = of_type<T>;
  member_type type{.kind = kind_of<T>(),
                   .rows = of::rows(),
                   .words = of::words(),
                   .read = &of::read,
                   .write = &of::write,
                   .read_text = nullptr,
                   .print_text = nullptr,
                   .check = &of::check,
                   .size_at_most = &of::size_at_most,
                   .equal = nullptr,
                   .assign = &of::assign};
  if constexpr (of::has_text) {
    type.read_text = &of::read_text;
    type.print_text = &of::print_text;
  }
  if constexpr (std::equality_comparable<T>) type.equal = &of::equal;
  return type;
}

template <class T>
inline constexpr member_type type_of = make_type<T>();

template <auto Member>
struct member_of;
template <class Owner, class T, T Owner::*Member>
struct member_of<Member> {
  using type = T;
  static void* in(void* object) { return &(static_cast<Owner*>(object)->*Member); }
};

template <auto Check>
struct check_of;
template <class T, result<void> (*Check)(const T&)>
struct check_of<Check> {
  static result<void> call(const void* member) { return Check(*static_cast<const T*>(member)); }
};

}  // namespace detail

/// A row: `row<&intensity_policy::restarts>("restarts", "more than so many...", {.least = 1})`.
template <auto Member>
constexpr field_row row(std::string_view name, std::string_view doc, field_rules rules = {}) {
  using member = detail::member_of<Member>;
  return {name, doc, &member::in, &detail::type_of<typename member::type>, rules};
}

/// A function `result<void> f(const T& member)` as the `check` of a row.
template <auto Check>
inline constexpr auto checked = &detail::check_of<Check>::call;

}  // namespace sm
