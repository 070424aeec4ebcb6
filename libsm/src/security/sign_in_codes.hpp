// The codes of links that sign a browser in: each is good once, and for minutes. They are kept in
// memory alone, as digests, and few at a time.
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
  static constexpr std::size_t most = 32;        ///< beyond it the oldest goes

  /// `now` in seconds of a clock that nobody sets.
  void add(std::string_view code, api_role role, std::int64_t now);
  /// The role it was made for, if it is one and its time is not over: it is none any more then.
  std::optional<api_role> take(std::string_view code, std::int64_t now);

 private:
  struct entry {
    std::string digest;
    api_role role;
    std::int64_t until;
  };
  std::deque<entry> entries_;  // the oldest first
};

}  // namespace sm
