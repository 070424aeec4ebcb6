#include "manager/journal.hpp"

namespace sm {

void journal::put_instance(journaled_instance row, std::function<void()> done) {
  bool posted = disk_.post([this, row = std::move(row), done] {
    loop_.defer([this, done, written = store_.put_instance(row)] {
      if (!written) on_behind(written.error());
      done();
    });
  });
  if (posted) return;
  log_.error("the journal is behind: too many writes wait");
  done();
}

void journal::remove_instance(const std::string& name, std::uint64_t incarnation) {
  bool posted = disk_.post([this, name, incarnation] {
    if (auto gone = store_.remove_instance(name, incarnation); !gone)
      loop_.defer([this, why = gone.error()] { on_behind(why); });
  });
  if (!posted) log_.error("the journal is behind: too many writes wait");
}

void journal::put_service(const desired_service& row, std::function<void(result<void>)> done) {
  bool posted = disk_.post([this, row, done] {
    bool forgotten = row.removed && !row.declared;
    loop_.defer([done, written = forgotten ? store_.remove_service(row.spec.name)
                                           : store_.put_service(row)] { done(written); });
  });
  if (!posted)
    loop_.defer([done] { done(fail(errc::overloaded, "too many writes wait for the disk")); });
}

void journal::on_behind(const error& why) {
  if (std::exchange(behind_, true)) return;
  log_.error("the journal is behind, and is written when it can be: {}", to_string(why));
  retry();
}

void journal::retry() {
  timer_.expires_after(std::chrono::seconds{1});
  timer_.async_wait([this](error_code ec) {
    if (ec) return;
    auto posted = disk_.post([this] {
      loop_.defer([this, written = store_.catch_up()] {
        if (!written) return retry();
        behind_ = false;
        log_.info("the journal is complete again");
      });
    });
    if (!posted) retry();
  });
}

}  // namespace sm
