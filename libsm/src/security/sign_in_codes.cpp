#include "security/sign_in_codes.hpp"

#include <algorithm>

#include "security/access_tokens.hpp"
#include "security/constant_time.hpp"

namespace sm {

void sign_in_codes::add(std::string_view code, grant what, std::int64_t now) {
  auto by_maker = [&](const entry& e) { return e.what.maker == what.maker; };
  if (static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), by_maker)) >=
      most_of_one)
    entries_.erase(std::find_if(entries_.begin(), entries_.end(), by_maker));
  if (entries_.size() >= most) entries_.pop_front();
  entries_.push_back({digest_of_secret(code), std::move(what), now + good_for});
}

std::optional<sign_in_codes::grant> sign_in_codes::take(std::string_view code, std::int64_t now) {
  std::erase_if(entries_, [&](auto& e) { return now >= e.until; });
  auto digest = digest_of_secret(code);
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](auto& e) { return equal_in_constant_time(e.digest, digest); });
  if (found == entries_.end()) return std::nullopt;
  auto what = std::move(found->what);
  entries_.erase(found);
  return what;
}

}  // namespace sm
