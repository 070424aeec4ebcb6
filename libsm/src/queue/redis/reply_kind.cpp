#include "queue/redis/reply_kind.hpp"

#include <algorithm>
#include <map>

namespace sm {
namespace {

using kind = reply_kind;

bool has(kind kinds, kind one) noexcept {
  return (static_cast<unsigned>(kinds) & static_cast<unsigned>(one)) != 0;
}

const std::map<std::string_view, kind> replies{
    {"AUTH", kind::status},
    {"CONFIG", kind::texts},
    {"DEL", kind::number},
    {"EVAL", kind::array},  // ours answer with what tells that the answer is to this call
    {"EVALSHA", kind::array},
    {"EXISTS", kind::number},
    {"GET", kind::text | kind::nothing},
    {"HDEL", kind::number},
    {"HGET", kind::text | kind::nothing},
    {"HGETALL", kind::texts},
    {"HKEYS", kind::texts},
    {"HLEN", kind::number},
    {"HMGET", kind::texts},
    {"HSCAN", kind::array},
    {"HSET", kind::number},
    {"HSETNX", kind::number},
    {"INCR", kind::number},
    {"INFO", kind::text},
    {"LINDEX", kind::text | kind::nothing},
    {"LLEN", kind::number},
    {"LPOS", kind::number | kind::nothing},
    {"LTRIM", kind::status},
    {"MGET", kind::texts},
    {"PING", kind::text},
    {"PUBLISH", kind::number},
    {"ROLE", kind::array},
    {"RPUSH", kind::number},
    {"SADD", kind::number},
    {"SELECT", kind::status},
    {"SENTINEL", kind::texts | kind::nothing},
    {"SET", kind::status | kind::nothing},
    {"SMEMBERS", kind::texts},
    {"SREM", kind::number},
    {"TIME", kind::texts},
    {"UNLINK", kind::number},
    {"WAIT", kind::number},
    {"ZRANGE", kind::texts},
};

}  // namespace

bool is_one_of(const redisReply& reply, kind kinds) noexcept {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return has(kinds, kind::number);
    case REDIS_REPLY_STRING:
      return has(kinds, kind::text);
    case REDIS_REPLY_NIL:
      return has(kinds, kind::nothing);
    case REDIS_REPLY_STATUS:
      return has(kinds, kind::status);
    case REDIS_REPLY_ARRAY:
      if (has(kinds, kind::array)) return true;
      return has(kinds, kind::texts) &&
             std::all_of(reply.element, reply.element + reply.elements, [](auto* element) {
               return is_one_of(*element, kind::text | kind::nothing);
             });
    default:
      return false;
  }
}

bool are(std::span<redisReply* const> given, std::initializer_list<kind> kinds) noexcept {
  return std::equal(given.begin(), given.end(), kinds.begin(), kinds.end(),
                    [](auto* reply, kind expected) { return is_one_of(*reply, expected); });
}

std::string name_of_kind(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return "a number";
    case REDIS_REPLY_STRING:
      return "a text";
    case REDIS_REPLY_NIL:
      return "nothing";
    case REDIS_REPLY_STATUS:
      return "a status";
    case REDIS_REPLY_ARRAY:
      return "an array";
    default:
      return "an error";
  }
}

reply_kind reply_to(std::string_view command) {
  auto found = replies.find(command);
  return found == replies.end() ? kind{} : found->second;
}

}  // namespace sm
