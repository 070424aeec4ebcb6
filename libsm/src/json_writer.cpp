#include "json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace sm {
namespace {

template <class T>
void append_number(std::string& out, T number) {
  std::array<char, 32> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void json_writer::open(char bracket) {
  separate();
  out_ += bracket;
  more_ = false;
}

void json_writer::close(char bracket) {
  out_ += bracket;
  more_ = true;
}

void json_writer::add(std::string_view text) {
  separate();
  out_ += text;
}

void json_writer::name(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  more_ = false;
}

void json_writer::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
}

void json_writer::integer(std::int64_t number) {
  separate();
  append_number(out_, number);
}

void json_writer::integer(std::uint64_t number) {
  separate();
  append_number(out_, number);
}

void json_writer::value(double number) {
  separate();
  if (!std::isfinite(number)) {
    out_ += "null";  // JSON has neither infinities nor NaN
    return;
  }
  auto begin = out_.size();
  append_number(out_, number);
  // So that it is read as what it was written from.
  if (out_.find_first_of(".e", begin) == out_.npos) out_ += ".0";
}

void json_writer::value(const std::vector<std::string>& list) {
  begin_array();
  for (auto& element : list) value(element);
  end_array();
}

}  // namespace sm
