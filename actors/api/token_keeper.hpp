// The API's tokens beside the state folder's own: makes and revokes them, each written down before
// it is told. Runs in the loop; the file is written by a thread.
#pragma once

#include <deque>
#include <functional>
#include <sm/log.hpp>
#include <sm/principal.hpp>
#include <sm/promise.hpp>

#include "link/loop.hpp"
#include "process/worker_thread.hpp"
#include "security/access_tokens.hpp"
#include "store/state_folder.hpp"

namespace sm {

class token_keeper {
 public:
  /// `on_removed` hears of each that is revoked.
  token_keeper(loop& l, const state_folder& folder, worker_thread& disk, logger log,
               std::function<void(std::string_view name)> on_removed);

  /// Reads `tokens.json`. With one that cannot be read no token but the state folder's own is
  /// taken, and none is made, so that nothing of it is lost.
  void load();
  /// Fails while the file cannot be read.
  result<void> look();
  /// Those that are taken now.
  access_tokens& tokens() noexcept { return tokens_; }

  /// Answers {"token", "secret"}; `expires_in` 0: never.
  promise<json> add(const std::string& name, api_role role, std::chrono::seconds expires_in,
                    const std::string& services, const principal& by);
  /// Likewise, a session of a name of its own by leave of the token `maker`.
  promise<json> add_session(api_role role, std::chrono::seconds expires_in,
                            const std::string& maker, const principal& by);
  promise<json> remove(const std::string& name, const principal& by);

  /// Writes down when they were used last. After the loop's end.
  void save();

 private:
  using change = std::function<result<json>(access_tokens& next)>;
  struct asked {
    change what;
    std::function<void()> done;
    promise<json> answer;
  };

  promise<json> submit(change what, std::function<void()> done);
  void next();
  void write_now_and_then();
  result<void> write(const access_tokens& tokens) const;

  loop& loop_;
  const state_folder& folder_;
  worker_thread& disk_;
  const logger log_;
  const std::function<void(std::string_view)> on_removed_;
  access_tokens tokens_;
  std::string written_;  // what the file holds
  std::optional<error> unreadable_;
  std::deque<asked> waiting_;
  bool writing_ = false;
  asio::steady_timer timer_;
};

}  // namespace sm
