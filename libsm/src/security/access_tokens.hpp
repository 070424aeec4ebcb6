// Tokens for the API besides the state folder's own: each has a name, a role, and an end if it is
// given one. Only digests are kept, so that who reads the file has nothing to show.
#pragma once

#include <cstdint>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <sm/api_role.hpp>

namespace sm {

struct access_token {
  std::string name;
  api_role role = api_role::viewer;
  std::string prefix;        ///< how its secret begins, to tell tokens apart
  std::string digest;        ///< SHA-256 of the secret, in hex
  std::int64_t created = 0;  ///< Unix seconds, as all times here
  std::int64_t expires = 0;  ///< 0: never
  std::int64_t used = 0;     ///< last; 0: never
  bool session = false;      ///< of a browser that has signed in: it goes when its time is over
  std::string maker{};       ///< of a session: the token by whose leave it is; it goes with that
  std::string services{};    ///< that it is good for (service_scope.hpp); "": for all

  friend bool operator==(const access_token&, const access_token&) = default;
};

/// SHA-256 in hex.
std::string digest_of_secret(std::string_view secret);

/// As listings show it: without the digest, times in RFC 3339 or null.
json to_json(const access_token& token);

class access_tokens {
 public:
  static constexpr std::size_t count_max = 1000;          ///< beside sessions
  static constexpr std::size_t sessions_of_one_max = 20;  ///< by one maker; the oldest goes
  static constexpr std::size_t sessions_max = 500;        ///< likewise, of all

  /// What `print` wrote; fails with `bad_arguments` and the place.
  static result<access_tokens> parse(std::string_view text);
  std::string print() const;

  /// A new token for `secret`, which is not kept. Fails with `conflict` when the name is taken,
  /// `bad_arguments` for what is no name, `overloaded` when there are too many.
  /// One for some services alone is no admin's: who decides what runs may have it run anything.
  result<access_token> add(std::string_view name, api_role role, std::string_view secret,
                           std::int64_t now, std::int64_t expires, std::string_view services = {});
  /// A session by leave of the token `maker`, which it does not outlive; "" is the manager's own
  /// user. Sessions that are over go first, and of too many the oldest. Fails with `unauthorized`
  /// when the maker is good for nothing any more.
  result<access_token> add_session(std::string_view name, api_role role, std::string_view secret,
                                   std::int64_t now, std::int64_t expires, std::string_view maker);
  /// With all sessions by its leave: their names; none when there is none of the name.
  std::vector<std::string> remove(std::string_view name);

  /// Whose secret this is, if its time is not over. Of a time that tells nothing about secrets.
  access_token* find(std::string_view secret, std::int64_t now);
  const access_token* called(std::string_view name) const;
  bool is_valid(std::string_view name, std::int64_t now) const;
  /// Takes over when they were used last, of those that are still the same.
  void take_uses(const access_tokens& from);
  const std::vector<access_token>& all() const noexcept { return all_; }

 private:
  void insert(access_token token);
  void drop_oldest_session(const std::string* maker);

  std::vector<access_token> all_;  // by name
};

}  // namespace sm
