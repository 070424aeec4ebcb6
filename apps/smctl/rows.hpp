// What smctl takes, as one table: a row is a verb. The reader of arguments, help, the reference
// page, the man page and completion all read it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace sm::ctl {

/// What an option takes as its value.
enum class takes { nothing, text, number, duration, word };

/// Where completion finds what may stand in a place.
enum class names {
  none,
  words,  ///< the row's own
  services,
  instances,
  commands,
  signals,
  queues,
  job_types,
  dead_jobs,
  schedules,
  verbs,
  files
};

struct option_row {
  std::string_view name;  ///< without its dashes
  char letter = 0;
  takes value = takes::nothing;
  std::string_view meta{};  ///< what its value is called
  std::string_view doc{};
  std::vector<std::string_view> words{};
  names from = names::none;
  std::uint64_t least = 0, most = std::numeric_limits<std::int64_t>::max();
  bool repeats = false;
};

struct operand_row {
  std::string_view name;
  std::string_view doc{};
  names from = names::none;
  unsigned least = 1, most = 1;
  std::vector<std::string_view> words{};
};

inline constexpr unsigned any_number = 10'000;

struct verb_row {
  std::string_view name;  ///< one word, or two: "queue ls"
  std::vector<std::string_view> aliases{};
  std::string_view summary{};
  std::string_view details{};
  std::vector<operand_row> operands{};
  std::vector<option_row> options{};
  /// Ids of the operations that it asks of the manager.
  std::vector<std::string_view> operations{};
  std::vector<std::string_view> examples{};
  /// What follows "--" is a command line, taken as it is.
  std::string_view command_line{};
};

std::span<const verb_row> verbs();

/// Options of every verb.
std::span<const option_row> common_options();

/// The verb called so, by its name or an alias; nothing when there is none.
const verb_row* find_verb(std::string_view name);

/// The one word that stands for a verb of two: "queue" is "queue ls".
std::string_view default_of(std::string_view first);

/// An operation that no verb asks for, and why.
struct unreached_row {
  std::string_view operation, reason;
};
std::span<const unreached_row> unreached_operations();

}  // namespace sm::ctl
