// What members of each type are read from, printed as, and may be.
#include <algorithm>
#include <cmath>

#include "schema/field.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm::detail {
namespace {

constexpr std::int64_t whole_max = 1'000'000;  // of what has no bound of its own

tl::unexpected<error> wrong(std::string why) { return fail(errc::invalid_spec, std::move(why)); }

template <class T>
result<void> take(result<T> value, T& out) {
  if (!value) return wrong(std::move(value.error().detail));
  out = std::move(*value);
  return {};
}

/// `"always", "on-failure" or "never"`
std::string listed(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0                  ? "\""
             : i + 1 == words.size() ? " or \""
                                     : ", \"") +
            std::string(words[i]) + "\"";
  return text;
}

std::string number_text(std::int64_t bound) { return std::to_string(bound); }
std::string duration_text(std::int64_t bound) { return format_duration(milliseconds(bound)); }
std::string size_text(std::int64_t bound) { return std::to_string(bound) + " bytes"; }

/// `value` is compared as it is, so that no fraction and no large number is lost.
template <class T>
result<void> check_bounds(T value, const field_rules& r, std::string (*text)(std::int64_t)) {
  auto above = [&](std::int64_t bound) {
    if constexpr (std::is_floating_point_v<T>)
      return value >= static_cast<T>(bound);
    else
      return std::cmp_greater_equal(value, bound);
  };
  auto below = [&](std::int64_t bound) {
    if constexpr (std::is_floating_point_v<T>)
      return value <= static_cast<T>(bound);
    else
      return std::cmp_less_equal(value, bound);
  };
  if (r.or_none && value == T{}) return {};
  bool has_least = r.least != field_rules::no_least, has_most = r.most != field_rules::no_most;
  if ((!has_least || above(r.least)) && (!has_most || below(r.most))) return {};
  std::string none = r.or_none ? ", or 0 for none" : "";
  if (has_least && has_most)
    return wrong("must be from " + text(r.least) + " to " + text(r.most) + none);
  return wrong(
      (has_least ? "must be at least " + text(r.least) : "must be at most " + text(r.most)) + none);
}

result<void> check_text_itself(const std::string& text) {
  if (auto ok = check_text(text); !ok) return wrong(ok.error().detail);
  return {};
}

}  // namespace

// -- from JSON

result<void> read(const json& value, std::string& out, const field_rules&) {
  if (!value.is_string()) return wrong("must be a string");
  out = value.get<std::string>();
  return {};
}

result<void> read(const json& value, std::filesystem::path& out, const field_rules&) {
  if (!value.is_string()) return wrong("must be a string");
  return read_text(value.get_ref<const std::string&>(), out);
}

result<void> read(const json& value, bool& out, const field_rules&) {
  if (!value.is_boolean()) return wrong("must be true or false");
  out = value.get<bool>();
  return {};
}

result<void> read(const json& value, unsigned& out, const field_rules& rules) {
  auto most = rules.most == field_rules::no_most ? whole_max : std::max(rules.most, whole_max);
  return take(read_integer<unsigned>(value, 0, static_cast<unsigned>(most)), out);
}

result<void> read(const json& value, int& out, const field_rules&) {
  return take(read_integer<int>(value), out);
}

result<void> read(const json& value, std::int64_t& out, const field_rules& rules) {
  return take(read_integer<std::int64_t>(value, rules.least, rules.most), out);
}

result<void> read(const json& value, std::uint64_t& out, const field_rules&) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  auto size = value.is_string() ? parse_size(value.get_ref<const std::string&>())
                                : read_integer<std::uint64_t>(value, 0, most);
  if (!size) return wrong(size.error().detail + ", or a text such as \"16MiB\"");
  out = *size;
  return {};
}

result<void> read(const json& value, double& out, const field_rules&) {
  if (!value.is_number()) return wrong("must be a number");
  out = value.get<double>();
  return {};
}

result<void> read(const json& value, milliseconds& out, const field_rules&) {
  if (!value.is_string()) return wrong("must be a duration such as \"1500ms\" or \"2s\"");
  return take(parse_duration(value.get_ref<const std::string&>()), out);
}

namespace {

/// What was most likely meant by a text in the place of a list: ["its","words"].
std::string as_list(std::string_view text) {
  auto list = json::array();
  while (!text.empty() && list.size() < 4) {
    auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) list.push_back(word.size() > 40 ? "..." : word);
  }
  return print_json(list);
}

template <class T>
result<void> read_list(const json& value, std::vector<T>& out, const field_rules& rules) {
  if (value.is_string() && std::is_same_v<T, std::string>)
    return wrong("must be an array: " + as_list(value.get_ref<const std::string&>()));
  if (!value.is_array()) return wrong("must be an array");
  std::vector<T> all(value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    if (auto ok = read(value[i], all[i], rules); !ok)
      return fail(errc::invalid_spec, ok.error().detail, "/" + std::to_string(i));
  out = std::move(all);
  return {};
}

}  // namespace

result<void> read(const json& value, texts& out, const field_rules& rules) {
  return read_list(value, out, rules);
}

result<void> read(const json& value, std::vector<int>& out, const field_rules& rules) {
  return read_list(value, out, rules);
}

result<void> read(const json& value, std::vector<json>& out, const field_rules&) {
  if (!value.is_array()) return wrong("must be an array");
  out = value.get<std::vector<json>>();
  return {};
}

result<void> read(const json& value, text_map& out, const field_rules&) {
  if (!value.is_object()) return wrong("must be an object");
  out.clear();
  for (auto& entry : value.items()) {
    if (!entry.value().is_string())
      return fail(errc::invalid_spec, "must be a string", pointer_to(entry.key()));
    out[entry.key()] = entry.value().get<std::string>();
  }
  return {};
}

result<void> read(const json& value, json& out, const field_rules&) {
  out = value;
  return {};
}

result<std::size_t> read_word(const json& value, std::span<const std::string_view> words) {
  if (value.is_string()) {
    auto word = std::find(words.begin(), words.end(), value.get_ref<const std::string&>());
    if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  }
  return wrong("must be " + listed(words));
}

json write(const std::filesystem::path& value) { return value.string(); }
json write(milliseconds value) { return format_duration(value); }

// -- from and to one text, as settings are given

result<void> read_text(std::string_view text, std::string& out) {
  if (auto ok = check_text(text); !ok) return ok;
  out = text;
  return {};
}

result<void> read_text(std::string_view text, std::filesystem::path& out) {
  if (text.find('\0') != text.npos) return wrong("a path has no NUL");
  out = text;
  return {};
}

result<void> read_text(std::string_view text, bool& out) {
  if (text != "true" && text != "false")
    return wrong(in_quotes(text) + " is neither true nor false");
  out = text == "true";
  return {};
}

result<void> read_text(std::string_view text, unsigned& out) {
  return take(parse_integer<unsigned>(text), out);
}

result<void> read_text(std::string_view text, std::uint64_t& out) {
  return take(parse_size(text), out);
}

result<void> read_text(std::string_view text, double& out) {
  double value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return wrong(in_quotes(text) + " is no number");
  out = value;
  return {};
}

result<void> read_text(std::string_view text, milliseconds& out) {
  return take(parse_duration(text), out);
}

result<void> read_text(std::string_view text, texts& out) {
  out.clear();
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

std::string print_text(const std::string& value) { return value; }
std::string print_text(const std::filesystem::path& value) { return value.string(); }
std::string print_text(bool value) { return value ? "true" : "false"; }
std::string print_text(unsigned value) { return std::to_string(value); }
std::string print_text(std::uint64_t value) { return std::to_string(value); }
std::string print_text(double value) { return print_json(json(value)); }
std::string print_text(milliseconds value) { return format_duration(value); }
std::string print_text(const texts& value) {
  std::string text;
  for (auto& item : value) text += text.empty() ? item : "," + item;
  return text;
}

// -- bounds

result<void> check(const std::string& value, const field_rules& rules) {
  if (auto ok = check_text_itself(value); !ok) return ok;
  auto& words = rules.words;
  if (words.empty() || (rules.or_none && value.empty()) ||
      std::find(words.begin(), words.end(), value) != words.end())
    return {};
  return wrong("must be " + listed(words) + (rules.or_none ? ", or empty for none" : ""));
}

result<void> check(unsigned value, const field_rules& rules) {
  return check_bounds(value, rules, number_text);
}
result<void> check(int value, const field_rules& rules) {
  return check_bounds(value, rules, number_text);
}
result<void> check(std::int64_t value, const field_rules& rules) {
  return check_bounds(value, rules, number_text);
}
result<void> check(std::uint64_t value, const field_rules& rules) {
  return check_bounds(value, rules, size_text);
}
result<void> check(double value, const field_rules& rules) {
  return check_bounds(value, rules, number_text);
}
result<void> check(milliseconds value, const field_rules& rules) {
  return check_bounds(value.count(), rules, duration_text);
}

result<void> check(const texts& value, const field_rules&) {
  for (std::size_t i = 0; i < value.size(); ++i)
    if (auto ok = check_text_itself(value[i]); !ok)
      return fail(errc::invalid_spec, ok.error().detail, "/" + std::to_string(i));
  return {};
}

result<void> check(const text_map& value, const field_rules&) {
  for (auto& [key, text] : value)
    for (auto* each : {&key, &text})
      if (auto ok = check_text_itself(*each); !ok)
        return fail(errc::invalid_spec, ok.error().detail, pointer_to(key));
  return {};
}

result<void> check_json(const json& value, const field_rules& rules) {
  if (rules.object && !value.is_object()) return wrong("must be an object");
  return {};
}

// -- how long they are as JSON

/// A byte of a text is at most an escape of six.
std::size_t size_at_most(const std::string& value) { return 6 * value.size() + 8; }
std::size_t size_at_most(const texts& value) {
  std::size_t size = small_at_most;
  for (auto& text : value) size += size_at_most(text);
  return size;
}
std::size_t size_at_most(const std::vector<int>& value) {
  return small_at_most + 16 * value.size();
}
std::size_t size_at_most(const text_map& value) {
  std::size_t size = small_at_most;
  for (auto& [key, text] : value) size += size_at_most(key) + size_at_most(text);
  return size;
}

}  // namespace sm::detail
