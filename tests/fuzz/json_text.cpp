// Texts of JSON, as every reader of foreign JSON gets them first.
#include <algorithm>
#include <cmath>
#include <sm/json.hpp>

#include "fuzz.hpp"

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

/// The JSON library converts such a number to an integer in a way that the language leaves open.
/// What comes out is refused, as it is not what was given.
bool has_a_number_beyond_integers(const sm::json& value) {
  if (value.is_number_float()) return !(std::abs(value.get<double>()) < 9e18);
  if (!value.is_structured()) return false;
  return std::any_of(value.begin(), value.end(), has_a_number_beyond_integers);
}

}  // namespace

SM_FUZZ_TARGET(json_text) {
  using sm::fuzz::must;
  std::string quoted;
  sm::append_json_string(quoted, input);
  must(sm::parse_json(quoted).has_value(), "what is quoted is JSON");
  (void)sm::is_utf8(input);
  auto document = sm::parse_json(input);
  if (!document) return;
  auto text = sm::print_json(*document);
  auto again = sm::parse_json(text);
  must(again.has_value(), "what is printed can be read");
  must(sm::print_json(*again) == text, "printing it again changes nothing");
  if (has_a_number_beyond_integers(*document)) return;
  (void)sm::from_json_value<form>(*document);
  (void)sm::from_json_value<std::vector<form>>(*document);
  (void)sm::from_json_value<std::map<std::string, unsigned>>(*document);
}
