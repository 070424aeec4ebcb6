// A fuzz target feeds bytes from outside to one of our readers. With the preset `fuzz` each is a
// libFuzzer program of its own; in every other build all are in `fuzz_replay`, which runs the files
// of corpus/ through them as tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace sm::fuzz {

using target = void (*)(std::string_view input);

/// Makes a target known to `fuzz_replay`.
struct registration {
  registration(const char* name, target run);
};

/// What must hold whatever the input is.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

/// Takes the next line off `input`, without its newline; the whole rest when there is none.
inline std::string_view take_line(std::string_view& input) {
  auto line = input.substr(0, input.find('\n'));
  input.remove_prefix(line.size() < input.size() ? line.size() + 1 : input.size());
  return line;
}

/// The input's first byte, which chooses what is done with the rest; 0 without one.
inline std::uint8_t take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  auto byte = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  return byte;
}

}  // namespace sm::fuzz

#ifdef SM_FUZZ
#define SM_FUZZ_TARGET(name)                                                        \
  static void run_##name(std::string_view input);                                   \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t n) { \
    run_##name({reinterpret_cast<const char*>(bytes), n});                          \
    return 0;                                                                       \
  }                                                                                 \
  static void run_##name(std::string_view input)
#else
#define SM_FUZZ_TARGET(name)                                           \
  static void run_##name(std::string_view input);                      \
  static const sm::fuzz::registration known_##name(#name, run_##name); \
  static void run_##name(std::string_view input)
#endif
