// What a reply of Redis may be, so that one of another kind is taken for no answer.
#pragma once

#include <hiredis/hiredis.h>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sm {

/// Some of these, by `|`.
enum class reply_kind : unsigned {
  number = 1,
  text = 2,
  nothing = 4,  ///< nil
  status = 8,
  texts = 16,  ///< an array of texts, nil among them
  array = 32,  ///< any other array: who asked looks at its elements
};
constexpr reply_kind operator|(reply_kind a, reply_kind b) {
  return static_cast<reply_kind>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

bool is_one_of(const redisReply& reply, reply_kind kinds) noexcept;
/// Whether the replies are of these kinds, one by one.
bool are(std::span<redisReply* const> replies, std::initializer_list<reply_kind> kinds) noexcept;
/// "a number", for errors.
std::string name_of_kind(const redisReply& reply);

/// What a server answers a command with. One that is not used here has no answer.
reply_kind reply_to(std::string_view command);

}  // namespace sm
