#!/bin/bash
# libubsan of GCC 12 (Debian 12, 12.2.0-14): -fsanitize=vptr needs two free descriptors.
# Expected: the checks of UndefinedBehaviorSanitizer look at memory, and do not depend on RLIMIT_NOFILE.
# Seen: the first check of a vptr that is not in its cache asks the kernel by way of a pipe whether it may read the
# object. Without a descriptor for the pipe it reports a good object as "not pointing to an object of type ...", with
# "object has ... memory cannot be printed", and ends the program when reports are fatal.
# sm: the test of a manager without descriptors is skipped in the sanitized build.
. "$(dirname "$0")/common"
for package in g++-12 libubsan1; do
  version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || { echo "needs $package" >&2; exit 2; }
  case $version in 12.2.0-14*) ;; *) echo "needs $package 12.2.0-14, has $version" >&2; exit 2 ;; esac
done
cat > "$here/vptr.cpp" <<'CPP'
#include <sys/resource.h>

#include <cstdio>
#include <memory>

struct base {
  virtual ~base() = default;
  virtual int number() const { return 1; }
};
struct derived : base {
  int number() const override { return 2; }
};
std::unique_ptr<base> make() { return std::make_unique<derived>(); }

int main(int argc, char**) {
  auto object = make();
  if (argc > 1) {
    rlimit none{3, 3};  // what is open stays open; nothing more can be opened
    setrlimit(RLIMIT_NOFILE, &none);
  }
  std::printf("%d\n", object->number());
}
CPP
g++-12 -std=c++17 -O0 -fsanitize=vptr -fno-sanitize-recover=all "$here/vptr.cpp" -o "$here/vptr"
said() { { "$here/vptr" "$@" 2>&1 || true; } | grep -oE '^[0-9]+$|does not point to an object of type|memory cannot be printed' | paste -sd, ; }
same "with descriptors" "2" "$(said)"
same "the same object, without" "does not point to an object of type,memory cannot be printed" "$(said few)"
