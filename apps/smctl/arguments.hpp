// The reader of smctl's command line. It follows the rows and takes every word as it is: nothing is
// split, stripped or converted on the way, which the readers of texts (numbers, durations) do.
#pragma once

#include <chrono>
#include <map>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rows.hpp"

namespace sm::ctl {

struct invocation {
  const verb_row* verb = nullptr;
  std::map<std::string_view, std::vector<std::string>> options{};  ///< by the names of their rows
  std::vector<std::string> operands{};
  std::vector<std::string> command_line{};  ///< what followed "--", for a verb that takes one

  bool has(std::string_view option) const { return options.contains(option); }
  /// The value given last, or `otherwise`.
  std::string value(std::string_view option, std::string_view otherwise = {}) const;
  /// Values that the reader has checked.
  std::chrono::milliseconds duration(std::string_view option,
                                     std::chrono::milliseconds otherwise) const;
  std::uint64_t number(std::string_view option, std::uint64_t otherwise) const;
};

/// Reads all words behind the program's name. Fails with `bad_arguments`, the word at fault and,
/// where one is near, what was meant. `--help` and `--version` become the verbs of that name.
result<invocation> read_arguments(std::span<const std::string> words);

}  // namespace sm::ctl
