#include "security/sign_in_codes.hpp"

#include <algorithm>

#include "security/access_tokens.hpp"
#include "security/constant_time.hpp"

namespace sm {

void sign_in_codes::add(std::string_view code, api_role role, std::int64_t now) {
  if (entries_.size() >= most) entries_.pop_front();
  entries_.push_back({digest_of_secret(code), role, now + good_for});
}

std::optional<api_role> sign_in_codes::take(std::string_view code, std::int64_t now) {
  std::erase_if(entries_, [&](auto& e) { return now >= e.until; });
  auto digest = digest_of_secret(code);
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](auto& e) { return equal_in_constant_time(e.digest, digest); });
  if (found == entries_.end()) return std::nullopt;
  auto role = found->role;
  entries_.erase(found);
  return role;
}

}  // namespace sm
