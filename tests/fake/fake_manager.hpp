// A supervisor with all it needs, but without processes: each instance lives as the test says.
#pragma once

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "fake_processes.hpp"
#include "manager/supervisor.hpp"
#include "temporary_folder.hpp"
#include "turning.hpp"

namespace sm::test {

inline logger no_log() {
  return logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>()));
}

struct caf_of_a_manager {
  caf_of_a_manager() {
    settings.load<caf::io::middleman>();
    configure(settings);
    register_messages(settings);
    system = make_loop_system(settings, multiplexer_fd);
  }
  caf::actor_system_config settings;
  int multiplexer_fd = -1;
  std::unique_ptr<caf::actor_system> system;
};

/// One for all tests of a process: CAF's end may wait for ever.
inline caf_of_a_manager& shared_caf() {
  static auto& made = *new caf_of_a_manager;
  return made;
}

template <class T>
T value_of(result<T> r) {
  if (!r) throw failure(r.error());
  return std::move(*r);
}

class fake_manager {
 public:
  explicit fake_manager(const std::vector<group_spec>& groups = {})
      : folder_(value_of(state_folder::open(place_.path() / "state"))),
        store_(value_of(state_store::open(folder_.path() / "state.db"))),
        shared(events, *shared_caf().system, settings_, folder_, no_log(), store_, processes, {},
               "secret of the forks"),
        services(shared, types_, groups,
                 [this](auto&, auto&, pid_t pid) { ended.push_back(pid); }) {
    types_.types["demo"] = builtin_factory{};
  }
  ~fake_manager() { shared.journal.stop(); }

  loop events;
  fake_processes processes;

 private:
  temporary_folder place_;
  config settings_;
  state_folder folder_;
  state_store store_;
  registry types_;

 public:
  std::vector<pid_t> ended;
  supervision shared;
  supervisor services;

  static desired_service wanted(const std::string& name, const std::string& group = {},
                                unsigned instances = 1) {
    desired_service d{
        .spec = {.name = name, .type = "demo", .instances = instances, .group = group}};
    d.spec.backoff = {.min = std::chrono::milliseconds(1), .max = std::chrono::milliseconds(1)};
    complete(d.spec);
    return d;
  }

  /// Turns until the instance is to be started, and lets it be ready.
  instance* run(const std::string& name) {
    auto asked = started(name);
    bool came = turn_until(events, [&] { return started(name) > asked || is(name, "STARTING"); });
    auto i = last(name);
    if (!came || !i) return nullptr;
    i->handle(became_ready{});
    return i;
  }
  /// How often its process was asked for.
  std::ptrdiff_t started(const std::string& name) const {
    return std::count_if(processes.requests.begin(), processes.requests.end(),
                         [&](auto& rq) { return rq.what.instance == name; });
  }
  /// The instance, once its process was asked for.
  instance* last(const std::string& name) const {
    for (auto rq = processes.requests.rbegin(); rq != processes.requests.rend(); ++rq)
      if (rq->what.instance == name) return shared.processes.run(rq->what.incarnation);
    return nullptr;
  }
  bool is(const std::string& name, std::string_view state) const {
    auto i = last(name);
    return i && to_string(i->life().state) == state;
  }
  /// Its process ends, and nothing of it is left.
  static void end(instance& i, const exit_status& how) {
    i.handle(process_ended{how});
    i.handle(tree_gone{});
  }
};

}  // namespace sm::test
