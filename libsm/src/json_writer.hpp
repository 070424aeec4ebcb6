// Writes JSON text member by member, without a document in between.
#pragma once

#include <concepts>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// Appends one document to a text. Members come in the order they are written in; that each is
/// opened, named and closed once is the caller's to see to. Numbers, strings and bytes that are no
/// UTF-8 are written as `print_json` does.
class json_writer {
 public:
  explicit json_writer(std::string& out) noexcept : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  /// The name of the member whose value comes next. It stands in quotes as it is: names are ours.
  void name(std::string_view name);

  void value(std::nullptr_t) { add("null"); }
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(double number);
  void value(std::same_as<bool> auto yes) { add(yes ? "true" : "false"); }
  template <std::integral T>
  requires(!std::same_as<T, bool>) void value(T number) {
    if constexpr (std::is_signed_v<T>)
      integer(std::int64_t{number});
    else
      integer(std::uint64_t{number});
  }
  void value(const std::vector<std::string>& list);
  void value(const std::same_as<json> auto& document) { add(print_json(document)); }

  template <class T>
  void member(std::string_view name, const T& of) {
    this->name(name);
    value(of);
  }

 private:
  void open(char bracket);
  void close(char bracket);
  void add(std::string_view text);
  void integer(std::int64_t number);
  void integer(std::uint64_t number);
  void separate() {
    if (more_) out_ += ',';
    more_ = true;
  }

  std::string& out_;
  bool more_ = false;  ///< what comes next stands behind something
};

}  // namespace sm
