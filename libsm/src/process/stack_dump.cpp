#include "process/stack_dump.hpp"

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sm {
namespace {

constexpr int frames_max = 64;

std::atomic<bool> asked{false};  // the first thread that hears of it asks the others
std::atomic_flag writing = ATOMIC_FLAG_INIT;

pid_t thread_id() noexcept { return static_cast<pid_t>(::syscall(SYS_gettid)); }

/// Calls `f` with every thread of this process. Only what a signal handler may call: no readdir(3).
template <class F>
void each_thread(F f) noexcept {
  int folder = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  struct entry {
    std::uint64_t inode;
    std::int64_t next;
    std::uint16_t size;
    std::uint8_t type;
    char name[1];
  };
  alignas(entry) std::array<char, 4096> block;
  for (;;) {
    auto size = ::syscall(SYS_getdents64, folder, block.data(), block.size());
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      auto* e = reinterpret_cast<const entry*>(block.data() + at);
      at += e->size;
      pid_t id = 0;
      for (const char* c = &e->name[0]; *c >= '0' && *c <= '9'; ++c) id = id * 10 + (*c - '0');
      if (id > 0) f(id);
    }
  }
  ::close(folder);
}

void write_stack() noexcept {
  std::array<void*, frames_max> frames;
  int count = ::backtrace(frames.data(), frames_max);
  // One after the other: two stacks at once are none.
  while (writing.test_and_set(std::memory_order_acquire)) {
  }
  std::array<char, 64> title;
  int size = std::snprintf(title.data(), title.size(), "stack of thread %d:\n", thread_id());
  [[maybe_unused]] auto n = ::write(STDERR_FILENO, title.data(), static_cast<std::size_t>(size));
  ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
  writing.clear(std::memory_order_release);
}

void on_signal(int number) noexcept {
  int saved = errno;
  bool first = !asked.exchange(true);
  write_stack();
  if (first)
    each_thread([&](pid_t id) {
      if (id != thread_id()) ::syscall(SYS_tgkill, ::getpid(), id, number);
    });
  errno = saved;
}

#ifndef __SANITIZE_ADDRESS__  // which has a better one
/// Writes where it crashed, then dies of the same signal: its default is in force again.
void on_crash(int number) noexcept {
  std::array<char, 64> title;
  int size = std::snprintf(title.data(), title.size(), "signal %d (SIG%s), ", number,
                           ::sigabbrev_np(number));
  [[maybe_unused]] auto n = ::write(STDERR_FILENO, title.data(), static_cast<std::size_t>(size));
  write_stack();
  ::raise(number);
}
#endif

}  // namespace

int stack_signal() noexcept { return SIGRTMIN + 5; }

void install_stack_dump() {
  // The first call loads a library, which a signal handler must not.
  std::array<void*, 1> warm_up;
  ::backtrace(warm_up.data(), 1);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(stack_signal(), &action, nullptr);
#ifndef __SANITIZE_ADDRESS__
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    ::sigaction(number, &action, nullptr);
#endif
}

}  // namespace sm
