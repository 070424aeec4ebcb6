#!/bin/bash
# nlohmann-json 3.11.2 (Debian 12): parse() of [1e400], which is a JSON text by RFC 8259, within catch (parse_error).
# Expected: infinity, as strtod has it, or a parse_error: parse() is documented to throw that for what it does not take.
# Seen: out_of_range, which is no parse_error and passes the handler; an integer of 20 digits is taken, and rounded.
# sm: parse_json makes an error value of each, and looks at the integers first.
. "$(dirname "$0")/common"
debs nlohmann-json3-dev=3.11.2-2
cat > "$here/read.cpp" <<'CPP'
#include <iostream>
#include <nlohmann/json.hpp>

int main() {
  for (auto text : {"[1e400]", "[18446744073709551616]", "[1"}) {
    try {
      try {
        auto document = nlohmann::json::parse(text);
        std::cout << text << ": " << document.dump() << "\n";
      } catch (const nlohmann::json::parse_error&) {
        std::cout << text << ": parse_error\n";
      }
    } catch (const nlohmann::json::out_of_range&) {
      std::cout << text << ": out_of_range\n";
    }
  }
}
CPP
g++ -std=c++17 -isystem "$here/root/usr/include" "$here/read.cpp" -o "$here/read"
expected='[1e400]: out_of_range
[18446744073709551616]: [1.8446744073709552e+19]
[1: parse_error'
same "parsed as" "$expected" "$("$here/read")"
