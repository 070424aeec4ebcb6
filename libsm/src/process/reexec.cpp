#include "process/reexec.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "process/exec_pointers.hpp"
#include "process/inherited_sockets.hpp"
#include "process/pidfd.hpp"
#include "process/start_state.hpp"

namespace sm {
namespace {

constexpr std::size_t words_max = 2000;

std::string words_in(int fd) {
  std::string text(words_max, '\0');
  auto n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

result<void> try_executable(const std::filesystem::path& file, std::vector<std::string> argv,
                            std::chrono::milliseconds deadline) {
  argv.emplace_back("--check");
  auto arguments = exec_pointers(argv);
  unique_fd words(::memfd_create("words", MFD_CLOEXEC));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, words.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, words.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  int refused = ::posix_spawn(&pid, file.c_str(), &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (refused != 0)
    return fail(errc::conflict, std::string("does not start: ") + std::strerror(refused),
                file.string());
  auto process = open_pidfd(pid);
  pollfd watched{process.get(), POLLIN, 0};
  bool in_time = ::poll(&watched, 1, static_cast<int>(deadline.count())) > 0;
  if (!in_time) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  auto how = !in_time            ? std::string("does not answer to --check")
             : WIFEXITED(status) ? "ends with " + std::to_string(WEXITSTATUS(status))
                                 : "ends by signal " + std::to_string(WTERMSIG(status));
  auto said = words_in(words.get());
  return fail(errc::conflict, how + (said.empty() ? "" : ": " + said), file.string());
}

error execute_again(const std::filesystem::path& file, std::vector<std::string> argv,
                    std::vector<inherited_socket> sockets) {
  // Out of the way of the numbers that they get.
  std::string names;
  auto above = first_inherited + static_cast<int>(sockets.size());
  for (auto& s : sockets) {
    s.fd = unique_fd(::fcntl(s.fd.get(), F_DUPFD_CLOEXEC, above));
    names += (names.empty() ? "" : ":") + s.name;
  }
  ::syscall(SYS_close_range, first_inherited, ~0U, CLOSE_RANGE_CLOEXEC);
  int next = first_inherited;
  for (auto& s : sockets) ::dup2(s.fd.get(), next++);
  if (!sockets.empty()) {
    ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
  }
  restore_descriptor_limit();
  for (int number : {SIGPIPE, SIGUSR2}) std::signal(number, SIG_DFL);
  std::signal(SIGHUP, SIG_IGN);  // until the program can heed it
  hold_end_signals();
  auto arguments = exec_pointers(argv);
  ::execve(file.c_str(), arguments.data(), environ);
  return {errc::unavailable, std::string("cannot be executed: ") + std::strerror(errno),
          file.string()};
}

}  // namespace sm
