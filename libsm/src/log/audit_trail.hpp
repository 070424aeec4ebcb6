// The audit log: a line for each operation that changed something, or tried to. Each line bears the
// hash of the one before it, so that none can be changed, taken out or put in between without all
// that follow being made anew. Who pins a hash elsewhere knows of that, too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <sm/error.hpp>
#include <string>
#include <string_view>

#include "log/request_record.hpp"

namespace sm {

/// SHA-256 in lower case hex.
using digest_function = std::function<std::string(std::string_view)>;

/// The end of a chain: the number and the hash of its last line.
struct audit_place {
  std::uint64_t number = 0;
  std::string hash = std::string(64, '0');

  friend bool operator==(const audit_place&, const audit_place&) = default;
};

/// The next line, with its end: JSON whose last member, "hash", is the digest of all before it.
/// Moves `last` to it.
std::string audit_line(const request_record& of, audit_place& last, const digest_function& digest);

/// Where the chain ends whose last lines `tail` is; nothing when no whole line is in it.
std::optional<audit_place> end_of_audit(std::string_view tail);

/// Follows a chain line by line. It may begin anywhere: older files go with time.
class audit_check {
 public:
  explicit audit_check(digest_function digest) : digest_(std::move(digest)) {}

  /// `line` without its end. Fails with `conflict` for one that does not follow from those before,
  /// or is not as it was written. One that was cut when a process ended, or that tells of lines a
  /// full disk lost, is passed over and counted.
  result<void> add(std::string_view line);

  std::uint64_t first() const noexcept { return first_; }
  const std::optional<audit_place>& last() const noexcept { return last_; }
  std::uint64_t lines() const noexcept { return lines_; }
  std::uint64_t cut() const noexcept { return cut_; }

 private:
  const digest_function digest_;
  std::optional<audit_place> last_;
  std::uint64_t first_ = 0, lines_ = 0, cut_ = 0;
};

}  // namespace sm
