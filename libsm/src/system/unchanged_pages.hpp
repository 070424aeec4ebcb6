// The pages of a process that hold nothing but what is in their files: a start touches much of its
// libraries that is never needed again.
#pragma once

#include <cstdint>
#include <istream>
#include <vector>

namespace sm {

struct mapping {
  std::uintptr_t begin, end;
  bool operator==(const mapping&) const = default;
};

/// Of /proc/self/smaps (proc(5)): the mappings of files, private and read only, that are in memory
/// and of which no page was written in this process, be it by relocations, a debugger's breakpoints
/// or probes of the kernel, nor has one gone to swap. A line that cannot be read, and its mapping,
/// are left out; and so are mappings of which nothing is counted: emulators of processors show them
/// so, and huge pages of hugetlbfs have counters of their own.
std::vector<mapping> unchanged_mappings(std::istream& smaps);

/// Takes what is in those of this process's program and libraries out of its memory. The next touch
/// of a page costs a minor fault, and reads the file again only where the system dropped its pages
/// in between.
void release_unchanged_pages();

}  // namespace sm
