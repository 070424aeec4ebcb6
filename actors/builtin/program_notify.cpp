// What a program says of itself: the protocol of sd_notify(3).
#include <cstring>
#include <sm/guarded.hpp>

#include "builtin/program_adapter.hpp"
#include "log/line_splitter.hpp"
#include "process/pidfd.hpp"
#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "system/lost_time.hpp"
#include "text/numbers.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr int notifications_at_once = 1024;  // the kernel's queue is shorter
constexpr std::size_t status_max = 512;      // bytes of STATUS that are shown
constexpr auto show_pause = 100ms;           // between two changes of what is shown

}  // namespace

void program_adapter::read_notifications() {
  for (int n = 0; n < notifications_at_once; ++n) {
    auto came = notify_->receive();
    if (!came) return;
    if (!speaks_for_program(*came)) {
      if (auto silent = strangers_.allow(clock::now()))
        log().warn("a notification of pid {} (user {}) is ignored: it is not of this program{}",
                   came->sender, came->uid,
                   *silent == 0 ? "" : "; so were " + std::to_string(*silent) + " more");
    } else if (!came->whole) {
      if (strangers_.allow(clock::now()))
        log().warn("a notification of pid {} is ignored: it is longer than {} bytes", came->sender,
                   came->text.size());
    } else {
      (void)guarded("a notification of a program", [&] { heed(*came); });
    }
  }
}

/// Of the program's tree, sessions of their own included. One that ended and was collected by its
/// parent left nothing but its credentials: it could reach the socket, whose folder is only its
/// user's, so its user has to be the program's.
bool program_adapter::speaks_for_program(const notification& n) {
  if (n.sender <= 0) return false;
  // systemd-notify of root speaks in its parent's name, and an orphan's parent is this process.
  if (n.sender == ::getpid()) return true;
  if (descends_from(n.sender, ::getpid())) return true;
  return !read_proc_stat(n.sender) && (n.uid == uid_ || n.uid == 0);
}

void program_adapter::heed(const notification& n) {
  auto fields = notification_fields(n.text);
  auto value = [&](const char* name) -> const std::string* {
    auto entry = fields.find(name);
    return entry == fields.end() ? nullptr : &entry->second;
  };
  auto is = [&](const char* name, const char* text) {
    auto* v = value(name);
    return v && *v == text;
  };
  if (auto* pid = value("MAINPID")) heed_main_pid(*pid);
  if (is("READY", "1")) became_ready();
  if (is("WATCHDOG", "trigger")) end_program("it asked for it by WATCHDOG=trigger");
  if (is("STOPPING", "1")) {
    std::lock_guard lock(mutex_);
    // It ends by itself; should it not, it is killed as after a stop signal.
    if (!std::exchange(leaving_, true)) kill_at_ = clock::now() + spec_.stop_timeout;
  }
  std::optional<std::chrono::milliseconds> extended;
  if (auto* usec = value("EXTEND_TIMEOUT_USEC")) extended = notification_usec(*usec);
  {
    std::lock_guard lock(mutex_);
    if (is("WATCHDOG", "1")) beat_ = clock::now();
    if (auto* usec = value("WATCHDOG_USEC"))
      if (auto every = notification_usec(*usec)) {
        beat_every_ = *every;
        beat_ = every->count() > 0 ? std::optional(clock::now()) : std::nullopt;
      }
    if (is("RELOADING", "1")) view_.reloading = true;
    if (is("READY", "1")) view_.reloading = false;
    if (auto* text = value("STATUS"))
      view_.status_text = text->substr(0, utf8_cut(*text, status_max));
    if (auto* number = value("ERRNO")) {
      auto code = parse_integer<int>(*number, 1).value_or(0);
      if (auto* words = ::strerrordesc_np(code); words && code > 0)
        why_ended_ = "errno " + std::to_string(code) + " (" + words + ")";
    }
    if (extended) {
      extended_until_ = clock::now() + *extended;
      if (leaving_) kill_at_ = std::max(kill_at_, extended_until_);
    }
  }
  show_later();
}

/// Another process of the tree is the main one from now on.
void program_adapter::heed_main_pid(const std::string& text) {
  auto number = parse_integer<pid_t>(text, 2);
  if (!number || *number == main_pid()) return;
  auto pid = *number;
  auto process = open_pidfd(pid);
  auto s = read_proc_stat(pid);
  if (!process || !s || s->state == 'Z' || !descends_from(pid, ::getpid())) {
    if (strangers_.allow(clock::now()))
      log().warn("MAINPID={} is ignored: it is no process of this program", pid);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
  }
  set_main(pid, std::move(process));
  log().info("the main process is pid {} from now on", pid);
}

/// What changes often is shown ten times a second at most.
void program_adapter::show_later() {
  show_at_ = std::min(show_at_, std::max(clock::now(), shown_at_ + show_pause));
}

void program_adapter::show(time_point now) {
  show_at_ = time_point::max();
  program_view view;
  time_point until;
  {
    std::lock_guard lock(mutex_);
    view = view_;
    until = std::exchange(extended_until_, time_point{});
  }
  if (until > now) {
    shown_at_ = now;
    host_.extend_timeout(std::chrono::ceil<std::chrono::milliseconds>(until - now));
  }
  if (view == shown_) return;
  shown_at_ = now;
  shown_ = view;
  host_.show(std::move(view));
}

/// Who promised to give signs of life and does not, hangs.
void program_adapter::judge_beats(time_point now) {
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    if (!beat_ || ended_ || leaving_ || beat_every_.count() <= 0 || now - *beat_ < beat_every_)
      return;
    late = lost_time(*beat_ + beat_every_, now).count() > 0;
  }
  bool excused = late || traced();
  std::lock_guard lock(mutex_);
  if (excused) {
    beat_ = now;
    return;
  }
  beat_.reset();
  why_ended_ = "no WATCHDOG=1 for " + format_duration(beat_every_);
  failure_ = leaving_ = true;
  kill_at_ = now;
}

/// Somebody looks at the main process in a debugger: it stands still because they want it to.
bool program_adapter::traced() {
  auto tracer = tracer_of(main_pid());
  if (tracer > 0 && !told_traced_.exchange(true))
    log().warn("pid {} traces the program: it is not judged meanwhile", tracer);
  return tracer > 0;
}

/// A stopped program gives no sign of life.
bool program_adapter::shows_life() {
  auto s = read_proc_stat(main_pid());
  return !s || (s->state != 'T' && s->state != 't') || traced();
}

}  // namespace sm
