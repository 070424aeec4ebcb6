// A service at the other end of a link, as `calls` sees it: takes what it is sent and answers when
// the test says so.
#pragma once

#include <sm/json.hpp>
#include <vector>

#include "link/loop.hpp"
#include "link/messages.hpp"
#include "manager/calls.hpp"

namespace sm::test {

class fake_service {
 public:
  fake_service(loop& l, caf::actor_system& system, std::uint64_t link)
      : link_(link),
        mailbox_(l, [this](std::uint64_t, caf::mailbox_element& e) { on_message(e); }),
        actor_(mailbox_.make_actor(system, link)) {}
  ~fake_service() { end_companion(actor_); }

  caf::actor handle() const { return caf::actor_cast<caf::actor>(actor_); }
  std::uint64_t link() const noexcept { return link_; }

  /// The batches as they came, and the pings.
  std::vector<wire::command_batch> batches;
  unsigned pings = 0;

  std::vector<wire::command> commands() const {
    std::vector<wire::command> all;
    for (auto& b : batches) all.insert(all.end(), b.commands.begin(), b.commands.end());
    return all;
  }

  void answer(calls& to, const wire::command& c, const std::string& text) const {
    wire::reply_batch batch{{{.id = c.id, .code = wire::reply_ok, .text = text, .where = {}}}};
    to.on_replies(link_, batch);
  }

 private:
  void on_message(caf::mailbox_element& element) {
    auto& content = element.content();
    if (content.match_elements<wire::command_batch>())
      batches.push_back(content.get_as<wire::command_batch>(0));
    else if (content.match_elements<wire::ping>())
      ++pings;
  }

  const std::uint64_t link_;
  loop_mailbox mailbox_;
  caf::strong_actor_ptr actor_;
};

}  // namespace sm::test
