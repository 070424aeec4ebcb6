#!/bin/bash
# libbsd 0.11.7 (Debian 12): a process title gets a byte that nobody asked for, by the length of the program's path.
# Expected: setproctitle("-TITLE") makes /proc/PID/cmdline read TITLE, whatever argv[0] was.
# Seen: a title that is just as long as argv[0] has a space behind it; a shorter or longer one is as asked. So the
# same program has another title in another folder, and who compares titles as a whole takes it for another process.
# sm: consumers show their state in Resque's words; its tests read titles without the space.
. "$(dirname "$0")/common"
debs libbsd-dev=0.11.7-2 libbsd0=0.11.7-2 libmd0=1.0.4-2
cat > "$here/title.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
  char bytes[4096];
  setproctitle("-%s", getenv("TITLE"));
  FILE* file = fopen("/proc/self/cmdline", "r");
  size_t length = fread(bytes, 1, sizeof bytes - 1, file);
  bytes[length] = 0; /* as most readers do: up to the first NUL */
  printf("[%s]\n", bytes);
  return 0;
}
C
lib="$here/root/usr/lib/x86_64-linux-gnu"
gcc -DLIBBSD_OVERLAY -isystem "$here/root/usr/include/bsd" "$here/title.c" -o "$here/title" -L"$lib" -lbsd-ctor \
  "$here/root/usr/lib/x86_64-linux-gnu/libbsd.so.0" -Wl,-u,libbsd_init_func 2> "$here/errors" || { cat "$here/errors"; exit 2; }
title() { (cd "$here" && TITLE=$1 exec -a ./title8 ./title); }
same "a title longer than argv[0]" "[123456789]" "$(title 123456789)"
same "one of the same length" "[12345678 ]" "$(title 12345678)"
same "a shorter one" "[1234567]" "$(title 1234567)"
