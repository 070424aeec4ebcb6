// What a program prints: lines of its log.
#include <unistd.h>

#include <array>

#include "builtin/program_adapter.hpp"
#include "log/process_log.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr int blocks_at_once = 4;  // of one stream, before the others are looked at
constexpr auto unfinished_shown_after = 1s;
constexpr auto last_words_max = 2s;  // for what is left in the pipes at the end

}  // namespace

/// All that was written before the end is in the log: nobody is left who could write more.
void program_adapter::drain() {
  if (notify_) read_notifications();
  for (auto give_up = clock::now() + last_words_max; clock::now() < give_up;) {
    bool more = read_stream(output_);
    more = read_stream(errors_) || more;
    if (!more) break;
  }
  for (auto* s : {&output_, &errors_})
    s->lines.finish([&](std::string_view line) { write_line(*s, line); });
}

/// False when there is nothing to read now.
bool program_adapter::read_stream(stream& s) {
  std::array<char, 65536> block;
  std::string lines;
  bool more = false, line_ended = false;
  for (int blocks = 0; s.fd && blocks < blocks_at_once; ++blocks) {
    auto n = ::read(s.fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    more = n > 0;
    // An end of the stream costs nothing further: the descriptor is not watched any more.
    if (n == 0) s.fd.reset();
    if (n <= 0) break;
    s.lines.add({block.data(), static_cast<std::size_t>(n)}, [&](std::string_view line) {
      lines +=
          log_line(std::chrono::system_clock::now(), "stream", s.name, instance(), first_, line);
    });
    if (lines.empty()) continue;
    line_ended = true;
    log_file_->write(lines);
    lines.clear();
  }
  if (!s.fd) s.lines.finish([&](std::string_view line) { write_line(s, line); });
  auto late = clock::now() + unfinished_shown_after;
  if (!s.lines.unfinished())
    s.flush_at = time_point::max();
  else
    s.flush_at = line_ended ? late : std::min(s.flush_at, late);
  return more;
}

void program_adapter::flush_lines(stream& s) {
  s.flush_at = time_point::max();
  s.lines.flush([&](std::string_view line) { write_line(s, line); });
}

void program_adapter::write_line(const stream& s, std::string_view line) {
  log_file_->write(
      log_line(std::chrono::system_clock::now(), "stream", s.name, instance(), first_, line));
}

}  // namespace sm
