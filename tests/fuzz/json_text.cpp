// Texts of JSON, as every reader of foreign JSON gets them first.
#include <array>
#include <map>
#include <sm/json.hpp>

#include "fuzz.hpp"
#include "json_reader.hpp"

namespace {

struct form {
  std::string name;
  std::int32_t count = 0;
  std::uint64_t size = 0;
  double share = 0;
  bool on = false;
  std::vector<std::uint16_t> ports{};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(form, name, count, size, share, on, ports)

}  // namespace

SM_FUZZ_TARGET(json_text) {
  using sm::fuzz::must;
  std::string quoted;
  sm::append_json_string(quoted, input);
  must(sm::parse_json(quoted).has_value(), "what is quoted is JSON");
  (void)sm::is_utf8(input);
  auto document = sm::parse_json(input);
  must(sm::check_json(input).has_value() == document.has_value(), "checking is reading");
  const std::array<std::string_view, 2> names{"a", "class"};
  std::array<sm::json, 2> values;
  auto object = sm::read_members(input, names, values);
  must(object.has_value() == document.has_value(), "members are read as the whole is");
  if (!document) return;
  must(input.empty() || *document == sm::json::parse(input), "it is what the library makes of it");
  must(*object == document->is_object(), "members are an object's");
  for (std::size_t i = 0; *object && i < names.size(); ++i) {
    auto member = document->find(names[i]);
    must(member == document->end() ? values[i].is_discarded() : values[i] == *member,
         "a member alone is that of the whole");
  }
  auto text = sm::print_json(*document);
  auto again = sm::parse_json(text);
  must(again.has_value(), "what is printed can be read");
  must(sm::print_json(*again) == text, "printing it again changes nothing");
  (void)sm::from_json_value<form>(*document);
  (void)sm::from_json_value<std::vector<form>>(*document);
  (void)sm::from_json_value<std::map<std::string, unsigned>>(*document);
}
