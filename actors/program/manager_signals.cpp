#include "program/manager_signals.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "process/process_tree.hpp"
#include "process/start_state.hpp"
#include "system/lost_time.hpp"

namespace sm {

using namespace std::chrono_literals;

shutdown_sequence::shutdown_sequence(supervision& s, supervisor& services, gateway& http,
                                     const service_manager& above, unique_fd end_signals)
    : s_(s),
      services_(services),
      gateway_(http),
      above_(above),
      signals_(s.events.context(), end_signals.release()),
      deadline_(s.events.context()) {
  await_signal();
}

void shutdown_sequence::hurry_after(std::chrono::milliseconds patience) {
  deadline_.expires_after(patience);
  deadline_.async_wait([this, patience](error_code ec) {
    if (ec) return;
    auto lost = lost_time(deadline_.expiry(), std::chrono::steady_clock::now());
    if (lost.count() > 0) return hurry_after(std::min(lost, patience));
    s_.log.error("not stopped within the shutdown timeout: killing what is left");
    services_.hurry();
  });
}

void shutdown_sequence::begin() {
  if (std::exchange(under_way_, true)) return;
  s_.ending = true;
  above_.tell("STOPPING=1\nSTATUS=stopping the services");
  auto patience = s_.settings.manager.shutdown_timeout;
  hurry_after(patience);
  gateway_.drain(std::min<std::chrono::milliseconds>(patience / 4, 5s), [this] {
    services_.shutdown([this] {
      deadline_.cancel();
      error_code ignored;
      signals_.cancel(ignored);
      s_.events.stop();
    });
  });
}

void shutdown_sequence::await_signal() {
  signals_.async_wait(asio::posix::descriptor_base::wait_read, [this](error_code ec) {
    if (ec) return;
    while (auto number = next_end_signal(signals_.native_handle())) heed(*number);
    await_signal();
  });
}

void shutdown_sequence::heed(int number) {
  if (under_way_) {
    s_.log.warn("a second signal: killing what is left");
    services_.hurry();
    gateway_.close_all();
    return;
  }
  auto* name = number == SIGINT ? "SIGINT" : "SIGTERM";
  if (s_.ending) {
    s_.log.info("{}: the next manager shuts down", name);
    for_the_next_ = number;
    return;
  }
  s_.log.info("{}: shutting down", name);
  begin();
}

life_sign::life_sign(loop& l, const service_manager& above) : above_(above), timer_(l.context()) {
  if (above_.watchdog().count() > 0) beat();
}

void life_sign::beat() {
  above_.tell("WATCHDOG=1");
  timer_.expires_after(above_.watchdog() / 2);
  timer_.async_wait([this](error_code ec) {
    if (!ec) beat();
  });
}

child_collector::child_collector(supervision& s)
    : s_(s), signals_(s.events.context(), SIGCHLD), again_(s.events.context()) {
  await();
}

void child_collector::await() {
  signals_.async_wait([this](error_code ec, int) {
    if (ec) return;
    if (::getpid() != 1 || s_.reaper.busy())
      s_.reaper.end_orphans();
    else
      s_.forks.collect_earlier();
    if (::getpid() == 1) look_again();
    await();
  });
}

void child_collector::look_again() {
  again_.expires_after(1s);
  again_.async_wait([this](error_code ec) {
    if (ec) return;
    auto ended = ended_children();
    std::erase_if(ended, [this](pid_t pid) { return s_.processes.process(pid) != nullptr; });
    for (auto pid : ended)
      if (std::find(seen_.begin(), seen_.end(), pid) != seen_.end())
        ::waitpid(pid, nullptr, WNOHANG);
    seen_ = std::move(ended);
    if (!seen_.empty()) look_again();
  });
}

reload_on_hangup::reload_on_hangup(supervision& s, configuration_keeper& file,
                                   const service_manager& above, std::function<void()> also)
    : s_(s),
      file_(file),
      above_(above),
      also_(std::move(also)),
      signals_(s.events.context(), SIGHUP) {
  await();
}

void reload_on_hangup::await() {
  signals_.async_wait([this](error_code ec, int) {
    if (ec) return;
    reload();
    await();
  });
}

void reload_on_hangup::reload() {
  also_();
  if (!file_.has_file()) {
    s_.log.info("SIGHUP: there is no configuration file to read again");
    return;
  }
  s_.log.info("SIGHUP: the configuration file is read again");
  above_.tell_reloading();
  file_.apply(std::nullopt, false, {}).then([this](const result<json>& outcome) {
    std::string status = "the configuration is applied";
    if (!outcome)
      status = "the configuration is not applied: " + to_string(outcome.error());
    else if (!outcome->at("complete").get<bool>())
      status = "the configuration is applied in part";
    if (status.ends_with("applied"))
      s_.log.info("{}", status);
    else
      s_.log.error("{}", status);
    above_.tell("READY=1\nSTATUS=" + status_line(status));
  });
}

leave_on_signal::leave_on_signal(supervision& s, daemon_reexec& way, shutdown_sequence& stop)
    : s_(s), way_(way), stop_(stop), signals_(s.events.context(), SIGUSR2) {
  await();
}

void leave_on_signal::await() {
  signals_.async_wait([this](error_code ec, int) {
    if (ec) return;
    if (auto left = way_.leave(stop_.under_way()); !left) {
      s_.log.warn("SIGUSR2: {}", to_string(left.error()));
      if (left.error().code == errc::conflict) stop_.begin();
    }
    await();
  });
}

}  // namespace sm
