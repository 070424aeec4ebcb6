// The arguments and answers of our scripts.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"

namespace sm {

/// ARGV of a script, owned where it has to be.
class arguments {
 public:
  explicit arguments(const std::string& prefix) { views_.emplace_back(prefix); }
  arguments& operator<<(std::string_view text) {
    views_.push_back(text);
    return *this;
  }
  arguments& operator<<(const std::string& text) { return *this << std::string_view(text); }
  arguments& operator<<(const char* text) { return *this << std::string_view(text); }
  arguments& operator<<(std::int64_t number) { return keep(std::to_string(number)); }
  arguments& operator<<(std::size_t number) { return keep(std::to_string(number)); }
  arguments& operator<<(unsigned number) { return keep(std::to_string(number)); }
  arguments& operator<<(bool flag) { return *this << (flag ? "1" : "0"); }
  arguments& keep(std::string text) {
    kept_.push_back(std::make_unique<std::string>(std::move(text)));
    return *this << std::string_view(*kept_.back());
  }
  operator std::span<const std::string_view>() const { return views_; }

 private:
  std::vector<std::string_view> views_;
  std::vector<std::unique_ptr<std::string>> kept_;
};

/// A job to be stored, as `store` of the scripts reads it.
inline void add_job(arguments& a, const new_job& j) {
  a << j.queue << j.payload << j.run_at_ms << j.lock << j.id << std::int64_t{j.lock_for.count()}
    << j.id << j.status;
}

template <class T>
result<void> nothing(const result<T>& outcome) {
  if (!outcome) return tl::unexpected<error>(outcome.error());
  return {};
}
inline result<bool> truth(const result<redis_reply>& reply) {
  if (!reply) return tl::unexpected<error>(reply.error());
  return number_of(**reply) != 0;
}

}  // namespace sm
