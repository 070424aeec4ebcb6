#include "schema/field.hpp"

#include <gtest/gtest.h>

#include <set>

#include "config/setting_rows.hpp"
#include "schema/documents.hpp"
#include "schema/queue_fields.hpp"
#include "schema/setting_fields.hpp"
#include "schema/spec_fields.hpp"

namespace sm {
using namespace std::chrono_literals;

namespace {

enum class colour { red, green };
constexpr std::string_view colours[] = {"red", "green"};
std::span<const std::string_view> words_of(colour) noexcept { return colours; }

struct inner {
  std::chrono::milliseconds pause{10};
  friend bool operator==(const inner&, const inner&) = default;
};
constexpr field_row of_inner[] = {
    row<&inner::pause>("pause", "how long", {.least = 1, .most = 1000})};
field_rows fields_of(const inner*) { return of_inner; }

result<void> is_even(const int& n) {
  if (n % 2 != 0) return fail(errc::invalid_spec, "must be even");
  return {};
}

constexpr std::string_view sizes[] = {"small", "large"};

struct outer {
  std::string name = "a";
  unsigned count = 3;
  int even = 2;
  double share = 0.5;
  bool on = false;
  std::uint64_t bytes = 4096;
  colour paint = colour::red;
  std::string size{};
  std::vector<std::string> tags{};
  std::map<std::string, std::string> env{};
  json any = nullptr;
  inner deep{};
  friend bool operator==(const outer&, const outer&) = default;
};
constexpr field_row of_outer[] = {
    row<&outer::name>("name", "a text"),
    row<&outer::count>("count", "a number", {.least = 1, .most = 10, .or_none = true}),
    row<&outer::even>("even", "a number", {.check = checked<is_even>}),
    row<&outer::share>("share", "a part", {.least = 0, .most = 1}),
    row<&outer::on>("on", "a flag"),
    row<&outer::bytes>("bytes", "a size", {.least = 4096}),
    row<&outer::paint>("paint", "a word"),
    row<&outer::size>("size", "a word, or none", {.or_none = true, .words = sizes}),
    row<&outer::tags>("tags", "texts"),
    row<&outer::env>("env", "texts by names"),
    row<&outer::any>("any", "whatever"),
    row<&outer::deep>("deep", "a table"),
};
field_rows fields_of(const outer*) { return of_outer; }

std::string fault(const json& document) {
  auto read = from_fields<outer>(document);
  return read ? "" : read.error().where + ": " + read.error().detail;
}

/// Every row, those of tables within it included.
void collect(field_rows rows, std::vector<const field_row*>& out) {
  for (auto& row : rows) {
    out.push_back(&row);
    collect(row.rows(), out);
  }
}

}  // namespace

TEST(field, a_document_is_read_over_what_is_there_and_written_with_every_field) {
  auto read = from_fields<outer>({{"count", 4}, {"paint", "green"}, {"deep", {{"pause", "1s"}}}},
                                 outer{.name = "b"});
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(*read, (outer{.name = "b", .count = 4, .paint = colour::green, .deep = {1s}}));
  EXPECT_EQ(from_fields<outer>(to_fields(*read)), read);
  EXPECT_EQ(to_fields(*read).size(), std::size(of_outer));
}

TEST(field, what_does_not_fit_is_named_by_its_pointer) {
  EXPECT_EQ(fault(json::array()), ": must be an object");
  EXPECT_EQ(fault({{"name", 1}}), "/name: must be a string");
  EXPECT_EQ(fault({{"name", std::string("a\0b", 3)}}).substr(0, 6), "/name:");
  EXPECT_EQ(fault({{"count", 11}}), "/count: must be from 1 to 10, or 0 for none");
  EXPECT_EQ(fault({{"count", -1}}).substr(0, 37), "/count: must be a whole number from 0");
  EXPECT_EQ(fault({{"even", 3}}), "/even: must be even");
  EXPECT_EQ(fault({{"share", 1.5}}), "/share: must be from 0 to 1");
  EXPECT_EQ(fault({{"bytes", "1KiB"}}), "/bytes: must be at least 4096 bytes");
  EXPECT_EQ(fault({{"paint", "blue"}}), R"(/paint: must be "red" or "green")");
  EXPECT_EQ(fault({{"size", "huge"}}), R"(/size: must be "small" or "large", or empty for none)");
  EXPECT_EQ(fault({{"tags", {"a", 1}}}), "/tags/1: must be a string");
  EXPECT_EQ(fault({{"env", {{"A/B", 1}}}}), "/env/A~1B: must be a string");
  EXPECT_EQ(fault({{"deep", {{"pause", "0ms"}}}}), "/deep/pause: must be from 1ms to 1s");
  EXPECT_EQ(fault({{"deep", {{"pauze", "1s"}}}}),
            "/deep/pauze: unknown field; did you mean 'pause'?");
  EXPECT_EQ(fault({{"count", 0}, {"size", ""}}), "");
}

TEST(field, no_number_that_is_none_is_within_bounds) {
  outer o;
  o.share = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(check_fields(&o, rows_of<outer>()).error().where, "/share");
}

TEST(field, the_json_schema_says_kinds_bounds_and_words) {
  auto schema = json_schema(rows_of<outer>());
  EXPECT_EQ(schema["additionalProperties"], false);
  auto& all = schema["properties"];
  EXPECT_EQ(
      all["count"],
      (json{{"type", "integer"}, {"minimum", 0}, {"maximum", 10}, {"description", "a number"}}));
  EXPECT_EQ(all["paint"]["enum"], (json{"red", "green"}));
  EXPECT_EQ(all["size"]["enum"], (json{"", "small", "large"}));
  EXPECT_EQ(all["deep"]["properties"]["pause"]["$ref"], "#/components/schemas/Duration");
}

TEST(field, the_table_has_a_line_for_each_field_within_tables_too) {
  const outer o;
  auto text = markdown_table(&o, rows_of<outer>());
  EXPECT_NE(text.find("| `deep.pause` | duration | `10ms` | how long |\n"), text.npos) << text;
  EXPECT_NE(text.find("| `paint` | text | `red` | a word: `red`, `green` |\n"), text.npos) << text;
  EXPECT_NE(text.find("| `size` | text |  | a word, or none"), text.npos) << text;
}

TEST(field, rows_have_names_of_their_own_and_say_what_they_mean) {
  for (auto rows : {rows_of<service_spec>(), rows_of<group_spec>(), rows_of<config>(),
                    rows_of<schedule_spec>(), rows_of<queue_limits>(), rows_of<job_body>()}) {
    std::set<std::string_view> names;
    for (auto& row : rows) EXPECT_TRUE(names.insert(row.name).second) << row.name;
    std::vector<const field_row*> all;
    collect(rows, all);
    for (auto* row : all) EXPECT_FALSE(row->doc.empty()) << row->name;
  }
}

TEST(field, every_setting_can_be_given_as_a_text) {
  for (auto& section : rows_of<config>())
    for (auto& row : section.rows()) {
      EXPECT_TRUE(row.type->read_text && row.type->print_text) << section.name << "." << row.name;
      EXPECT_TRUE(row.rows().empty()) << row.name;
    }
}

/// A value that the field takes and that is not its default.
json other_value(const field_row& row, const void* defaults) {
  if (!row.words().empty()) return row.words().back();
  switch (row.kind()) {
    case field_kind::duration:
      return "77ms";
    case field_kind::whole:
      return 2;
    case field_kind::number:
      return row.rules.most == 1 ? 0.75 : 1.5;
    case field_kind::size:
      return 123456;
    case field_kind::flag:
      return !row.type->write(row.in(defaults)).get<bool>();
    case field_kind::texts:
      return {"other"};
    case field_kind::wholes:
      return {3};
    case field_kind::text_map:
      return {{"nofile", "7"}};
    case field_kind::object: {
      if (row.rows().empty()) return {{"a", 1}};
      json table = json::object();
      for (auto& within : row.rows())
        table[std::string(within.name)] = other_value(within, row.in(defaults));
      return table;
    }
    default:
      break;
  }
  if (row.name == "name") return "other";
  if (row.name.ends_with("umask") || row.name == "socket_mode") return "0077";
  if (row.name == "stop_signal") return "INT";
  if (row.name == "pid_file") return "/run/x.pid";
  return "other";
}

TEST(field, each_field_of_a_specification_alone_says_whether_processes_are_made_anew) {
  const service_spec before{.name = "web", .type = "demo"};
  for (auto& row : rows_of<service_spec>()) {
    auto after = before;
    auto value = other_value(row, &before);
    ASSERT_TRUE(row.type->read(value, row.in(&after), row.rules)) << row.name;
    EXPECT_NE(before, after) << row.name;
    EXPECT_EQ(needs_restart(before, after), row.rules.renews == renewal::process) << row.name;
    auto program = before, other = after;
    program.command = other.command = {"x"};
    if (row.name != "command") {
      EXPECT_EQ(needs_restart(program, other), row.rules.renews != renewal::no) << row.name;
    }
    auto taken = before;
    take_process_fields(taken, after);
    EXPECT_EQ(taken != before, row.rules.renews == renewal::process) << row.name;
  }
}

}  // namespace sm
