#include "log/line_splitter.hpp"

#include <algorithm>

namespace sm {
namespace {

constexpr std::size_t character_max = 4;  // bytes of one in UTF-8

bool continues(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Bytes of the character that begins with `c`; 1 for what begins none.
std::size_t length_of(char c) noexcept {
  auto lead = static_cast<unsigned char>(c);
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/// Bytes at the end of `text` that begin a character and are not all of it.
std::size_t unfinished_character(std::string_view text) noexcept {
  for (std::size_t back = 1; back < character_max && back <= text.size(); ++back) {
    auto c = text[text.size() - back];
    if (!continues(c)) return length_of(c) > back ? back : 0;
  }
  return 0;
}

}  // namespace

std::size_t utf8_cut(std::string_view text, std::size_t max) noexcept {
  if (text.size() <= max) return text.size();
  auto cut = max - unfinished_character(text.substr(0, max));
  return cut > 0 ? cut : max;
}

bool line_splitter::unfinished() const noexcept {
  return rest_.size() > unfinished_character(rest_);
}

void line_splitter::give_out_long(std::string_view line, const emit& give_out) const {
  while (line.size() > max_) {
    auto cut = utf8_cut(line, max_);
    give_out(line.substr(0, cut));
    line.remove_prefix(cut);
  }
  give_out(line);
}

void line_splitter::add(std::string_view bytes, const emit& give_out) {
  rest_ += bytes;
  std::size_t at = 0;
  for (auto end = rest_.find('\n', searched_); end != rest_.npos; end = rest_.find('\n', at)) {
    give_out_long(std::string_view(rest_).substr(at, end - at), give_out);
    at = end + 1;
  }
  while (rest_.size() - at > max_) {
    auto cut = utf8_cut(std::string_view(rest_).substr(at), max_);
    give_out(std::string_view(rest_).substr(at, cut));
    at += cut;
  }
  rest_.erase(0, at);
  searched_ = rest_.size();
}

void line_splitter::flush(const emit& give_out) {
  auto cut = rest_.size() - unfinished_character(rest_);
  if (cut > 0) give_out(std::string_view(rest_).substr(0, cut));
  rest_.erase(0, cut);
  searched_ = rest_.size();
}

void line_splitter::finish(const emit& give_out) {
  if (!rest_.empty()) give_out(rest_);
  rest_.clear();
  searched_ = 0;
}

}  // namespace sm
