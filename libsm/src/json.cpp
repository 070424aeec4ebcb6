#include <algorithm>
#include <charconv>
#include <set>
#include <sm/guarded.hpp>
#include <sm/json.hpp>
#include <vector>

#include "json_reader.hpp"
#include "text/ascii.hpp"

namespace sm {

namespace {

/// Whether a number as it is written is none with a fraction or an exponent. The library's lexer
/// puts the locale's decimal point in the place of the text's.
bool is_integer(std::string_view number) {
  return number.find_first_not_of("-0123456789") == number.npos;
}

/// The byte, from 1, at which the first integer begins that does not fit 64 bits.
std::size_t place_of_large_integer(std::string_view text) {
  auto fits = [](std::string_view digits, auto value) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
    } else if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9')) {
      auto end = std::min(text.find_first_not_of("0123456789", i + 1), text.size());
      auto number = text.substr(i, end - i);
      bool goes_on = end < text.size() && (text[end] == '.' || lower_case(text[end]) == 'e');
      if (goes_on)
        end = std::min(text.find_first_not_of("0123456789.eE+-", end), text.size());
      else if (!(number[0] == '-' ? fits(number, std::int64_t{}) : fits(number, std::uint64_t{})))
        return i + 1;
      i = end - 1;
    }
  }
  return 0;
}

/// Makes the document, or what is wanted of it, while the library's parser reads the text; ends it
/// where that takes what sm does not: more levels than `json_depth_max`, and integers that it would
/// round to a double.
class json_reader final : public nlohmann::json_sax<json> {
 public:
  /// The whole document into `root`; none is made for null.
  json_reader(std::string_view text, json* root) : text_(text), place_(root) {}
  /// The values of these members of an object.
  json_reader(std::string_view text, std::span<const std::string_view> names,
              std::span<json> values)
      : json_reader(text, nullptr) {
    names_ = names;
    values_ = values;
  }

  result<void> read() {
    open_.reserve(8);
    if (!json::sax_parse(text_, this)) return tl::unexpected<error>(std::move(why_));
    // The parser takes a NUL for the end.
    if (auto nul = text_.find('\0'); nul != text_.npos)
      return fail(errc::bad_request, "not valid JSON at byte " + std::to_string(nul + 1));
    return {};
  }
  bool is_object() const noexcept { return is_object_; }

  bool null() override { return take(nullptr); }
  bool boolean(bool value) override { return take(value); }
  bool number_integer(std::int64_t value) override { return take(value); }
  bool number_unsigned(std::uint64_t value) override { return take(value); }
  bool number_float(double value, const std::string& written) override {
    return is_integer(written) ? refuse_integer() : take(value);
  }
  bool string(std::string& value) override { return take(value); }
  bool binary(json::binary_t&) override { return false; }  // JSON has none

  bool start_object(std::size_t) override {
    if (open_.empty()) is_object_ = true;
    return start(json::value_t::object);
  }
  bool key(std::string& name) override {
    if (auto* object = open_.back())
      place_ = &(*object)[name];
    else if (open_.size() == 1)
      place_ = wanted(name);
    return true;
  }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return start(json::value_t::array); }
  bool end_array() override { return end(); }

  bool parse_error(std::size_t byte, const std::string& token, const json::exception& e) override {
    if (!dynamic_cast<const json::out_of_range*>(&e))
      return refuse("not valid JSON at byte " + std::to_string(byte));
    return is_integer(token) ? refuse_integer()
                             : refuse("a number is beyond the range of a double");
  }

 private:
  bool refuse(std::string detail) {
    why_ = {errc::bad_request, std::move(detail), {}};
    return false;
  }
  bool refuse_integer() {
    return refuse("the integer at byte " + std::to_string(place_of_large_integer(text_)) +
                  " is beyond 64 bits");
  }
  json* wanted(std::string_view name) const {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i] == name) return &values_[i];
    return nullptr;
  }

  template <class T>
  bool take(T&& value) {
    if (auto* in = open_.empty() ? nullptr : open_.back(); in && in->is_array())
      in->emplace_back(std::forward<T>(value));
    else if (place_ && (in || open_.size() < 2))
      *place_ = std::forward<T>(value);
    return true;
  }

  bool start(json::value_t kind) {
    if (open_.size() == json_depth_max)
      return refuse("nested deeper than " + std::to_string(json_depth_max) + " levels");
    auto* in = open_.empty() ? nullptr : open_.back();
    json* made = nullptr;
    if (in && in->is_array()) {
      in->emplace_back(kind);
      made = &in->back();
    } else if (place_ && (in || open_.size() < 2)) {
      *place_ = kind;
      made = place_;
    }
    open_.push_back(made);
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  std::span<const std::string_view> names_;
  std::span<json> values_;
  json* place_ = nullptr;    ///< of the next value that is no element of an array
  std::vector<json*> open_;  ///< what is read now, the innermost last; null for what is not made
  bool is_object_ = false;
  error why_;
};

result<void> read(json_reader& reader) try { return reader.read(); } catch (...) {
  return tl::unexpected<error>(caught_error(errc::bad_request));
}

}  // namespace

result<json> parse_json(std::string_view text) {
  json document;
  if (text.empty()) return document;
  json_reader reader(text, &document);
  if (auto ok = read(reader); !ok) return tl::unexpected<error>(std::move(ok.error()));
  return document;
}

result<void> check_json(std::string_view text) {
  if (text.empty()) return {};
  json_reader reader(text, nullptr);
  return read(reader);
}

result<bool> read_members(std::string_view text, std::span<const std::string_view> names,
                          std::span<json> values) {
  std::fill(values.begin(), values.end(), json(json::value_t::discarded));
  if (text.empty()) return false;
  json_reader reader(text, names, values);
  if (auto ok = read(reader); !ok) return tl::unexpected<error>(std::move(ok.error()));
  return reader.is_object();
}

void append_json_string(std::string& out, std::string_view text) {
  bool plain = true;
  for (char raw : text)
    if (auto c = static_cast<unsigned char>(raw); c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
      plain = false;
      break;
    }
  if (plain) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += print_json(json(text));
  }
}

bool is_utf8(std::string_view text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

namespace {

/// Whether the integer `taken` is what was given. The library's own comparison looks at negative
/// and large numbers without their sign.
bool same_integer(const json& given, const json& taken) {
  if (given.is_number_float()) return given.get<double>() == taken.get<double>();
  if (!given.is_number_integer()) return !given.is_boolean();  // text, such as of an enumeration
  auto negative = [](const json& number) {
    return !number.is_number_unsigned() && number.get<std::int64_t>() < 0;
  };
  return negative(given) == negative(taken) &&
         given.get<std::uint64_t>() == taken.get<std::uint64_t>();
}

constexpr std::size_t searched_max = 1'000;  // objects and lists that are looked for in any order

/// Of an array whose elements do not stand where they were given: a set has its own order, so each
/// number must be somewhere.
std::optional<std::string> missing_number(const json& given, const json& taken) {
  std::set<json> numbers;
  for (auto& each : taken)
    if (each.is_number()) numbers.insert(each);
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto& each = given[i];
    auto where = i < taken.size() ? detail::changed_number(each, taken[i]) : std::string{};
    if (!where) continue;
    bool found = true;
    if (each.is_number() || each.is_boolean())
      found = numbers.contains(each);
    else if (each.is_structured() && taken.size() <= searched_max)
      found = std::any_of(taken.begin(), taken.end(), [&](auto& other) {
        return other.type() == each.type() && !detail::changed_number(each, other);
      });
    if (!found) return "/" + std::to_string(i) + *where;
  }
  return {};
}

}  // namespace

std::optional<std::string> detail::changed_number(const json& given, const json& taken) {
  if (given.is_object() && taken.is_object()) {
    for (auto& [key, value] : taken.items())
      if (auto member = given.find(key); member != given.end())
        if (auto where = changed_number(*member, value)) {
          json::json_pointer at;
          at /= key;
          return at.to_string() + *where;
        }
  } else if (given.is_array() && taken.is_array()) {
    bool in_order = given.size() == taken.size();
    for (std::size_t i = 0; in_order && i < given.size(); ++i)
      in_order = !changed_number(given[i], taken[i]);
    if (!in_order) return missing_number(given, taken);
  } else if (taken.is_number_integer() && !same_integer(given, taken)) {
    return "";
  }
  return {};
}

std::string print_json(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

error conversion_error(const json::exception& e) {
  // With diagnostics the text reads "[json.exception.type_error.302] (/email) type must be ...".
  std::string_view text = e.what();
  if (auto end = text.find("] "); text.starts_with('[') && end != text.npos)
    text.remove_prefix(end + 2);
  std::string where;
  if (text.starts_with('(')) {
    if (auto end = text.find(") "); end != text.npos) {
      where = text.substr(1, end - 1);
      text.remove_prefix(end + 2);
    }
  }
  return {errc::bad_arguments, std::string(text), std::move(where)};
}

}  // namespace sm
