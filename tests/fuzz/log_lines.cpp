// Log files, whose lines are a program's own words.
#include "log/log_reader.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "system/unique_fd.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(log_lines) {
  using sm::fuzz::must;
  if (input.size() > 64 << 10) return;  // longer lines are read in parts
  static const sm::unique_fd file(::memfd_create("log", MFD_CLOEXEC));
  static const auto path = "/proc/self/fd/" + std::to_string(file.get());
  must(::ftruncate(file.get(), 0) == 0 && ::pwrite(file.get(), input.data(), input.size(), 0) ==
                                              static_cast<ssize_t>(input.size()),
       "the input is written");
  auto rest = input;
  while (!rest.empty()) {
    std::string line(sm::fuzz::take_line(rest));
    (void)sm::readable_line(line);
    for (auto* name : {"ts", "level", "stream"}) (void)sm::field_of(line, name);
  }
  auto last = sm::read_last_lines(path, 1'000'000, [](const std::string&) { return true; });
  auto more = sm::read_more_lines(path, {last.position.inode, 0}, input.size() + 1);
  must(last.lines == more.lines, "the lines read backwards are those read forwards");
}
