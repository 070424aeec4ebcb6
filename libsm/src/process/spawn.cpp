#include "process/spawn.hpp"

#include <spawn.h>
#include <unistd.h>

#include <csignal>

#include "process/exec_pointers.hpp"
#include "system/system_error.hpp"

namespace sm {
namespace {

std::vector<std::string> merged_environment(const std::vector<std::string>& extra) {
  std::vector<std::string> all = extra;
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view variable = *entry;
    auto name = variable.substr(0, variable.find('=') + 1);
    bool replaced = false;
    for (auto& e : extra) replaced = replaced || std::string_view(e).starts_with(name);
    if (!replaced) all.emplace_back(variable);
  }
  return all;
}

struct spawn_attributes {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;

  spawn_attributes() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  ~spawn_attributes() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
};

}  // namespace

result<pid_t> spawn(const spawn_request& rq) {
  auto arguments = rq.argv;
  auto environment = merged_environment(rq.environment);
  auto argv = exec_pointers(arguments);
  auto envp = exec_pointers(environment);
  spawn_attributes with;
  // Nothing else comes along, whoever forgot close-on-exec: a listening socket that another process
  // keeps open takes connections that nobody answers.
  if (rq.inherited_fd >= 0)
    posix_spawn_file_actions_adddup2(&with.actions, rq.inherited_fd, inherited_number);
  posix_spawn_file_actions_addclosefrom_np(&with.actions, inherited_number + 1);
  pid_t pid = -1;
  int failed = posix_spawn(&pid, rq.executable.c_str(), &with.actions, &with.attributes,
                           argv.data(), envp.data());
  if (failed != 0) return system_failure("cannot start the program", rq.executable, failed);
  return pid;
}

}  // namespace sm
