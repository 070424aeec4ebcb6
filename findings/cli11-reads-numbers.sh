#!/bin/bash
# CLI11 2.1.2 (Debian 12): what an option of type int takes.
# Expected: "010" is ten (or refused), an empty argument is refused, as 08 and 1e3 are.
# Seen: "010" is eight, "" is zero, " 5" is five.
# sm: numbers on its command lines are taken as text and read by its own strict reader.
. "$(dirname "$0")/common"
debs libcli11-dev=2.1.2+ds-1
cat > "$here/read.cpp" <<'CPP'
#include <CLI/CLI.hpp>
#include <iostream>

int main(int argc, char** argv) {
  CLI::App app;
  int number = -1;
  app.add_option("--number", number);
  try {
    app.parse(argc, argv);
    std::cout << number << '\n';
  } catch (const CLI::ParseError&) {
    std::cout << "refused\n";
  }
}
CPP
g++ -std=c++17 -I"$here/root/usr/include" "$here/read.cpp" -o "$here/read"
same "010" 8 "$("$here/read" --number 010)"
same "an empty argument" 0 "$("$here/read" --number '')"
same "a blank before it" 5 "$("$here/read" --number ' 5')"
same "08" refused "$("$here/read" --number 08)"
same "1e3" refused "$("$here/read" --number 1e3)"
