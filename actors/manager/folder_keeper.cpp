#include "manager/folder_keeper.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <sm/guarded.hpp>

#include "log/removed_logs.hpp"
#include "process/instance_lock.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

constexpr std::chrono::milliseconds pause_min{500}, pause_max{30'000};

/// The services that have locks.
std::set<std::string> services_with_locks(const fs::path& folder) {
  std::set<std::string> found;
  std::error_code ec;
  for (auto& entry : fs::directory_iterator(folder, ec)) {
    auto name = entry.path().filename().string();
    if (auto service = service_of_instance(name); !service.empty()) found.emplace(service);
  }
  return found;
}

void remove_locks(const fs::path& folder, const std::string& service) {
  std::error_code ec;
  std::vector<std::string> instances;
  for (auto& entry : fs::directory_iterator(folder, ec)) {
    auto name = entry.path().filename().string();
    if (service_of_instance(name) == service) instances.push_back(std::move(name));
  }
  // One that is held stays for the next manager to look at.
  for (auto& name : instances) (void)remove_instance_lock(folder, name);
}

}  // namespace

folder_keeper::folder_keeper(loop& l, logger log, const state_folder& folder, worker_thread& disk,
                             std::chrono::milliseconds keep_removed)
    : loop_(l),
      log_(std::move(log)),
      folder_(folder),
      disk_(disk),
      keep_removed_(keep_removed),
      changes_(l.context()),
      timer_(l.context()),
      again_(l.context()),
      pause_(pause_min) {}

// -- what was removed by others

void folder_keeper::watch(std::function<bool()> restore, const fs::path& elsewhere) {
  restore_ = std::move(restore);
  int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  constexpr std::uint32_t what = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF;
  if (fd >= 0) own_watch_ = ::inotify_add_watch(fd, folder_.path().c_str(), what | IN_ONLYDIR);
  if (own_watch_ < 0) {
    log_.warn("the state folder cannot be watched ({}): what is removed from it stays away",
              std::generic_category().message(errno));
    if (fd >= 0) ::close(fd);
    return;
  }
  if (!elsewhere.empty()) {
    auto folder = elsewhere.parent_path();
    elsewhere_ = elsewhere.filename();
    // Added to what is watched for already, should it be the same folder.
    if (::inotify_add_watch(fd, folder.c_str(), IN_DELETE | IN_MOVED_FROM | IN_MASK_ADD) < 0)
      log_.warn("{} cannot be watched ({}): a socket that is removed from it stays away",
                folder.string(), std::generic_category().message(errno));
  }
  changes_.assign(fd);
  await_change();
}

void folder_keeper::await_change() {
  changes_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code ec) {
    if (!ec) on_change();
  });
}

void folder_keeper::on_change() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool gone = false, concerns_us = false;
  for (ssize_t size = 0;
       (size = ::read(changes_.native_handle(), buffer.data(), buffer.size())) > 0;)
    for (ssize_t at = 0; at < size;) {
      auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      bool own = event->wd == own_watch_;
      gone = gone || (own && (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0);
      // Of many events some are lost (IN_Q_OVERFLOW); another folder may have a busy life.
      concerns_us = concerns_us || own || (event->mask & IN_Q_OVERFLOW) != 0 ||
                    (event->len > 0 && elsewhere_ == event->name);
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  if (gone) {
    gone_ = true;
    again_.cancel();
    log_.error(
        "the state folder was moved or removed: changes are refused from here on, restart "
        "the program");
    return;
  }
  await_change();
  if (concerns_us) restore();
}

void folder_keeper::restore() {
  bool posted = disk_.post([this] {
    auto made =
        guarded("the folders in the state folder", [this] { return folder_.make_folders(); });
    loop_.defer([this, made] {
      if (gone_) return;
      if (!made) log_.error("{}", to_string(made.error()));
      auto whole = made ? guarded("the sockets in the state folder", restore_) : false;
      if (!whole || !*whole) return restore_later();
      pause_ = pause_min;
      again_.cancel();
    });
  });
  if (!posted) restore_later();
}

void folder_keeper::restore_later() {
  if (gone_) return;
  again_.expires_after(pause_);
  pause_ = std::min(pause_ * 2, pause_max);
  again_.async_wait([this](error_code ec) {
    if (!ec && !gone_) restore();
  });
}

// -- what belonged to services that are gone

void folder_keeper::drop_unknown(const std::set<std::string>& known) {
  auto now = system_clock::now();
  for (auto& service : services_with_logs(folder_.log_folder()))
    if (!known.contains(service)) set_logs_aside(folder_.log_folder(), service, now);
  for (auto& service : services_with_locks(folder_.lock_folder()))
    if (!known.contains(service)) remove_locks(folder_.lock_folder(), service);
  drop_old_logs();
}

void folder_keeper::on_removed(const std::string& service, const std::function<void()>& done) {
  bool posted = disk_.post([this, service, done] {
    set_logs_aside(folder_.log_folder(), service, system_clock::now());
    remove_locks(folder_.lock_folder(), service);
    loop_.defer([this, done] {
      done();
      drop_old_logs();
    });
  });
  if (posted) return;
  log_.error("the logs of {} stay: too many writes wait", service);
  loop_.defer(done);
}

/// Now, and again when the next one's time is over.
void folder_keeper::drop_old_logs() {
  (void)disk_.post([this] {
    auto next = drop_removed_logs(folder_.log_folder(), keep_removed_, system_clock::now());
    if (!next) return;
    loop_.defer([this, wait = *next] {
      timer_.expires_after(wait + std::chrono::milliseconds{1});
      timer_.async_wait([this](error_code ec) {
        if (!ec) drop_old_logs();
      });
    });
  });
}

}  // namespace sm
