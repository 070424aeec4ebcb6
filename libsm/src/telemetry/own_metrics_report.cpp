// How the processes of one host tell each other what they count: bytes, since a thousand of them
// are read for each page.
#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "telemetry/own_metrics.hpp"

namespace sm {
namespace {

constexpr std::uint64_t form = 1;  // the first number of a report
constexpr std::size_t kinds = 3;

class report_writer {
 public:
  /// Seven bits a byte, the least first; the highest bit says that more follow (LEB128).
  void number(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) bytes_ += static_cast<char>(n | 0x80);
    bytes_ += static_cast<char>(n);
  }
  void real(double value) {
    auto bits = std::bit_cast<std::array<char, sizeof value>>(value);
    bytes_.append(bits.data(), bits.size());
  }
  void text(std::string_view t) {
    number(t.size());
    bytes_ += t;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Throws what `decode_families` makes an error of.
class report_reader {
 public:
  explicit report_reader(std::string_view bytes) : left_(bytes) {}

  std::uint64_t number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      auto byte = static_cast<unsigned char>(take(1).front());
      n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return n;
    }
    throw std::runtime_error("a number is too long");
  }
  double real() {
    std::array<char, sizeof(double)> bits{};
    std::memcpy(bits.data(), take(bits.size()).data(), bits.size());
    return std::bit_cast<double>(bits);
  }
  std::string text() { return std::string(take(number())); }
  /// Calls `f` as often as the number that comes next says.
  template <class F>
  void each(F f) {
    for (auto n = number(); n > 0; --n) f();
  }
  bool at_end() const noexcept { return left_.empty(); }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > left_.size()) throw std::runtime_error("it ends too early");
    auto taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
};

void write(report_writer& out, const own_series& s) {
  out.number(s.labels.size());
  for (auto& [name, value] : s.labels) {
    out.text(name);
    out.text(value);
  }
  out.real(s.value);
  out.number(s.set ? 1 : 0);
  out.number(s.counts.size());
  for (auto count : s.counts) out.number(count);
  std::size_t seen = 0;
  for (auto& e : s.exemplars) seen += e.trace ? 1U : 0U;
  out.number(seen);
  for (std::size_t i = 0; i < s.exemplars.size(); ++i)
    if (auto& e = s.exemplars[i]; e.trace) {
      out.number(i);
      out.text(e.trace.traceparent());
      out.real(e.value);
      out.real(e.at);
    }
}

own_series read_series(report_reader& in) {
  own_series s;
  in.each([&] {
    auto name = in.text();
    s.labels.emplace_back(std::move(name), in.text());
  });
  s.value = in.real();
  s.set = in.number() != 0;
  in.each([&] { s.counts.push_back(in.number()); });
  in.each([&] {
    s.exemplars.resize(s.counts.size());
    auto& e = s.exemplars.at(in.number());
    e.trace = read_traceparent(in.text()).value_or(trace_context{});
    e.value = in.real();
    e.at = in.real();
  });
  return s;
}

own_family read_family(report_reader& in) {
  own_family family;
  family.name = in.text();
  auto kind = in.number();
  family.help = in.text();
  in.each([&] { family.bounds.push_back(in.real()); });
  in.each([&] { family.series.push_back(read_series(in)); });
  if (kind >= kinds) throw std::runtime_error("'" + family.name + "' is of no kind");
  family.kind = static_cast<metric_kind>(kind);
  if (auto fault = fault_of_metric(family.kind, family.name, {})) throw std::runtime_error(*fault);
  for (auto& s : family.series) {
    if (auto fault = fault_of_metric(family.kind, family.name, s.labels))
      throw std::runtime_error("'" + family.name + "': " + *fault);
    if (family.kind == metric_kind::histogram && s.counts.size() != family.bounds.size() + 1)
      throw std::runtime_error("'" + family.name + "' has other buckets than bounds");
  }
  return family;
}

}  // namespace

std::string encode(const own_families& families) {
  report_writer out;
  out.number(form);
  out.number(families.size());
  for (auto& family : families) {
    out.text(family.name);
    out.number(static_cast<std::uint64_t>(family.kind));
    out.text(family.help);
    out.number(family.bounds.size());
    for (auto bound : family.bounds) out.real(bound);
    out.number(family.series.size());
    for (auto& series : family.series) write(out, series);
  }
  return out.take();
}

result<own_families> decode_families(std::string_view bytes) try {
  report_reader in(bytes);
  if (in.number() != form) return fail(errc::bad_arguments, "is of another form");
  own_families families;
  in.each([&] { families.push_back(read_family(in)); });
  if (!in.at_end()) return fail(errc::bad_arguments, "goes on after its end");
  return families;
} catch (const std::exception& e) {
  return fail(errc::bad_arguments, e.what());
}

}  // namespace sm
