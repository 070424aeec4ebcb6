#!/bin/bash
# toml++ 3.3.0 (Debian 12): parse_file of a directory.
# Expected: an exception, as for a file that is not there.
# Seen: an empty table, no error; so a path that names the folder of the file means "nothing is configured".
# sm: whoever reads a configuration looks at what was opened before it is parsed.
. "$(dirname "$0")/common"
debs libtomlplusplus-dev=3.3.0+ds-1
cat > "$here/read.cpp" <<'CPP'
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <iostream>

int main(int, char** argv) {
  for (int i = 1; i <= 2; ++i) try {
      auto size = toml::parse_file(argv[i]).size();
      std::cout << "a table of " << size << '\n';
    } catch (const toml::parse_error&) {
      std::cout << "parse_error\n";
    }
}
CPP
g++ -std=c++17 -I"$here/root/usr/include" "$here/read.cpp" -o "$here/read"
mkdir "$here/folder"
seen=$("$here/read" "$here/folder" "$here/nothing")
same "a directory" "a table of 0" "$(sed -n 1p <<< "$seen")"
same "a file that is not there" "parse_error" "$(sed -n 2p <<< "$seen")"
