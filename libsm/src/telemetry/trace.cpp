#include <sm/trace.hpp>

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>

#include "telemetry/recording.hpp"
#include "telemetry/span.hpp"

namespace sm {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

void append_hex(std::string& out, std::uint64_t number) {
  std::array<char, 16> text;
  for (std::size_t i = text.size(); i-- > 0; number >>= 4) text[i] = digits[number & 15];
  out.append(text.data(), text.size());
}

/// Digits must be lower case ones (W3C Trace Context 3.2.2.3).
std::optional<std::uint64_t> read_hex(std::string_view text) noexcept {
  std::uint64_t number = 0;
  for (char c : text) {
    auto digit = digits.find(c);
    if (digit == digits.npos) return std::nullopt;
    number = number << 4 | digit;
  }
  return number;
}

thread_local trace_context current;
std::atomic<double> sampling{0};
std::atomic<bool> recording{false};
std::atomic<unsigned> forks{0};

std::uint64_t seed() noexcept {
  std::uint64_t number = 0;
  // Of so few bytes all are there, once the system has any.
  while (::getrandom(&number, sizeof number, 0) != sizeof number) {
  }
  return number;
}

std::uint64_t draw() noexcept {
  static const bool watched = [] {
    ::pthread_atfork(nullptr, nullptr, [] { ++forks; });
    return true;
  }();
  thread_local std::mt19937_64 numbers{seed()};
  thread_local unsigned known_forks = forks;
  if (watched && known_forks != forks.load(std::memory_order_relaxed)) {
    known_forks = forks;
    numbers.seed(seed());
  }
  for (;;)
    if (auto number = numbers(); number != 0) return number;
}

}  // namespace

std::string trace_context::trace_id() const {
  std::string text;
  if (!*this) return text;
  append_trace_id(text);
  return text;
}

void trace_context::append_trace_id(std::string& out) const {
  append_hex(out, trace_high);
  append_hex(out, trace_low);
}

std::string trace_context::traceparent() const {
  std::string text;
  if (!*this) return text;
  text.reserve(55);
  text += "00-";
  append_hex(text, trace_high);
  append_hex(text, trace_low);
  text += '-';
  append_hex(text, span);
  text += sampled ? "-01" : "-00";
  return text;
}

std::optional<trace_context> read_traceparent(std::string_view text) noexcept {
  constexpr std::size_t known = 55;
  if (text.size() < known || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  auto version = read_hex(text.substr(0, 2));
  if (!version || *version == 0xff || (*version == 0 && text.size() > known) ||
      (text.size() > known && text[known] != '-'))
    return std::nullopt;
  auto high = read_hex(text.substr(3, 16)), low = read_hex(text.substr(19, 16));
  auto span = read_hex(text.substr(36, 16)), flags = read_hex(text.substr(53, 2));
  if (!high || !low || !span || !flags || (*high | *low) == 0 || *span == 0) return std::nullopt;
  return trace_context{*high, *low, *span, (*flags & 1) != 0};
}

const trace_context& current_trace() noexcept { return current; }

trace_scope::trace_scope(const trace_context& entered) noexcept : before_(current) {
  current = entered;
}

trace_scope::~trace_scope() { current = before_; }

void set_trace_sampling(double share) noexcept { sampling = std::clamp(share, 0.0, 1.0); }

trace_context begin_trace() noexcept {
  trace_context made{draw(), draw(), draw(), false};
  // By the id's random bits, as other tracers decide it, too (OpenTelemetry's TraceIdRatioBased).
  made.sampled =
      static_cast<double>(made.trace_low >> 11) < sampling.load(std::memory_order_relaxed) * 0x1p53;
  return made;
}

void set_recording(bool on) noexcept { recording = on; }

bool is_recorded(const trace_context& place) noexcept {
  return place.sampled && recording.load(std::memory_order_relaxed);
}

trace_context child_of(const trace_context& parent) noexcept {
  auto child = parent;
  if (is_recorded(parent)) child.span = draw();
  return child;
}

}  // namespace sm
