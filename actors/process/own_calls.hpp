// What the service asked of others, by way of the manager, and has no answer to yet. In the actor's
// thread.
#pragma once

#include <sm/json.hpp>
#include <sm/promise.hpp>
#include <unordered_map>

#include "link/messages.hpp"

namespace sm {

class own_calls {
 public:
  /// The id under which the answer will come.
  std::uint64_t add(promise<json_text> answer) {
    open_[next_id_] = std::move(answer);
    return next_id_++;
  }

  void on_replies(const wire::reply_batch& batch) {
    for (auto& r : batch.replies) {
      auto entry = open_.extract(r.id);
      if (entry.empty()) continue;
      if (r.code == wire::reply_ok)
        entry.mapped().set_value({r.text});
      else
        entry.mapped().set_error({static_cast<errc>(r.code), r.text, r.where});
    }
  }

  /// No answer will come to any of them.
  void fail_all(const error& why) {
    for (auto& [id, answer] : std::exchange(open_, {})) answer.set_error(why);
  }

 private:
  std::unordered_map<std::uint64_t, promise<json_text>> open_;
  std::uint64_t next_id_ = 1;
};

}  // namespace sm
