#include "manager/journal.hpp"

#include <sm/guarded.hpp>

namespace sm {

void journal::put_instance(journaled_instance given, std::function<void()> done) {
  auto row = std::make_shared<const journaled_instance>(std::move(given));
  bool posted = post(row->name, [this, row, done] {
    loop_.defer([this, done, written = store_.put_instance(*row)] {
      if (!written) on_behind(written.error());
      done();
    });
  });
  if (!posted) done();
}

void journal::remove_instance(const std::string& name, std::uint64_t incarnation) {
  post(name, [this, name, incarnation] {
    if (auto gone = store_.remove_instance(name, incarnation); !gone)
      loop_.defer([this, why = gone.error()] { on_behind(why); });
  });
}

bool journal::post(const std::string& name, const worker_thread::task& work) {
  if (disk_.post(work)) {
    unposted_.erase(name);
    return true;
  }
  unposted_[name] = work;
  on_behind({errc::overloaded, "too many writes wait for the disk", {}});
  return false;
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

void journal::stop() {
  disk_.stop();
  for (auto& [name, work] : std::exchange(unposted_, {})) (void)guarded("a late write", work);
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
    std::erase_if(unposted_, [this](auto& one) { return disk_.post(one.second); });
    auto posted = disk_.post([this] {
      loop_.defer([this, written = store_.catch_up()] {
        if (!written || !unposted_.empty()) return retry();
        behind_ = false;
        log_.info("the journal is complete again");
      });
    });
    if (!posted) retry();
  });
}

}  // namespace sm
