// The service of the comparison with other managers: appends "NAME PID NANOSECONDS"
// (CLOCK_MONOTONIC) to a file at its start, then waits. "reporter FILE NAME [ignore-term | exit]".
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  char line[256];
  int size = std::snprintf(line, sizeof line, "%s %d %lld\n", argv[2], ::getpid(),
                           static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
  int file = ::open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (::write(file, line, static_cast<size_t>(size)) != size) return 1;
  ::close(file);
  if (argc > 3 && std::strcmp(argv[3], "exit") == 0) return 3;
  if (argc > 3 && std::strcmp(argv[3], "ignore-term") == 0) ::signal(SIGTERM, SIG_IGN);
  for (;;) ::pause();
}
