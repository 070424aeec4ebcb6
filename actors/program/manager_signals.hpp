// What the manager does on signals, and what it tells who started it.
#pragma once

#include <boost/asio/signal_set.hpp>
#include <optional>

#include "gateway/gateway.hpp"
#include "manager/configuration_keeper.hpp"
#include "manager/daemon_reexec.hpp"
#include "manager/supervisor.hpp"
#include "process/service_manager.hpp"

namespace sm {

/// SIGTERM and SIGINT. Stops in order: the gateway finishes its requests, then the services stop,
/// then the loop ends. A second signal hurries; past the deadline everything is killed.
class shutdown_sequence {
 public:
  /// `end_signals` is where they are read from.
  shutdown_sequence(supervision& s, supervisor& services, gateway& http,
                    const service_manager& above, unique_fd end_signals);

  const bool& under_way() const noexcept { return under_way_; }
  void begin();
  /// One that came when the manager was making way for the next already: that one is to stop.
  std::optional<int> for_the_next() const noexcept { return for_the_next_; }

 private:
  void hurry_after(std::chrono::milliseconds patience);
  void await_signal();
  void heed(int number);

  supervision& s_;
  supervisor& services_;
  gateway& gateway_;
  const service_manager& above_;
  asio::posix::stream_descriptor signals_;
  asio::steady_timer deadline_;
  bool under_way_ = false;
  std::optional<int> for_the_next_;
};

/// Tells the service manager above that this loop turns, as often as it wants to hear it.
class life_sign {
 public:
  life_sign(loop& l, const service_manager& above);

 private:
  void beat();

  const service_manager& above_;
  asio::steady_timer timer_;
};

/// SIGCHLD. Collects what has ended, and ends what is ours and belongs to nobody. PID 1 gets the
/// orphans of others, too, of who entered the container: they are left alone, and collected when
/// they have ended and nobody else waits for them: whoever does has done so by the second look.
class child_collector {
 public:
  explicit child_collector(supervision& s);

 private:
  void await();
  void look_again();

  supervision& s_;
  asio::signal_set signals_;
  asio::steady_timer again_;
  std::vector<pid_t> seen_;
};

/// SIGHUP: the file is read again and carried out, and who started the manager is told.
class reload_on_hangup {
 public:
  /// `also` is called first.
  reload_on_hangup(supervision& s, configuration_keeper& file, const service_manager& above,
                   std::function<void()> also);

 private:
  void await();
  void reload();

  supervision& s_;
  configuration_keeper& file_;
  const service_manager& above_;
  const std::function<void()> also_;
  asio::signal_set signals_;
};

/// SIGUSR2: the manager ends and its services go on, for the next manager to adopt. Where they do
/// not wait for one (manager.orphan_grace) all is stopped.
class leave_on_signal {
 public:
  leave_on_signal(supervision& s, daemon_reexec& way, shutdown_sequence& stop);

 private:
  void await();

  supervision& s_;
  daemon_reexec& way_;
  shutdown_sequence& stop_;
  asio::signal_set signals_;
};

}  // namespace sm
