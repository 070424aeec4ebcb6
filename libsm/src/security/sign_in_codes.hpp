// The codes of links that sign a browser in: each is good once, and for minutes. They are kept in
// memory alone, as digests, and few at a time, of each who makes them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <sm/api_role.hpp>
#include <string>
#include <string_view>

namespace sm {

class sign_in_codes {
 public:
  static constexpr std::int64_t good_for = 600;  ///< seconds
  static constexpr std::size_t most = 64;        ///< beyond it the oldest goes
  static constexpr std::size_t most_of_one = 8;  ///< likewise, of those by one maker

  /// What a link gives, and by whose leave.
  struct grant {
    api_role role = api_role::viewer;
    std::string maker{};  ///< the token that asked for it; "" is the manager's own user

    friend bool operator==(const grant&, const grant&) = default;
  };

  /// `now` in seconds of a clock that nobody sets.
  void add(std::string_view code, grant what, std::int64_t now);
  /// What it was made for, if it is one and its time is not over: it is none any more then.
  std::optional<grant> take(std::string_view code, std::int64_t now);

 private:
  struct entry {
    std::string digest;
    grant what;
    std::int64_t until;
  };
  std::deque<entry> entries_;  // the oldest first
};

}  // namespace sm
