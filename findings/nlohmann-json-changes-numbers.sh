#!/bin/bash
# nlohmann-json 3.11.2 (Debian 12): numbers that a field of a struct cannot hold (NLOHMANN_DEFINE_TYPE, get<int>()).
# Expected: an exception, as for a text in the place of a number, or for a number in the place of a bool.
# Seen: 3.7 is 3, 4294967301 is 5, -1 is 4294967295 in an unsigned, true is 1; nothing says so.
# sm: what it reads goes through from_json_value, which refuses such a number with the field's place.
. "$(dirname "$0")/common"
debs nlohmann-json3-dev=3.11.2-2
cat > "$here/read.cpp" <<'CPP'
#include <iostream>
#include <nlohmann/json.hpp>

struct limits {
  int nice = 0;
  unsigned count = 0;
  bool on = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(limits, nice, count, on)

int main() {
  for (auto text : {R"({"nice":3.7})", R"({"nice":4294967301})", R"({"nice":true})", R"({"count":-1})", R"({"nice":"3"})",
                    R"({"on":1})"}) {
    try {
      auto read = nlohmann::json::parse(text).get<limits>();
      std::cout << text << ": nice " << read.nice << " count " << read.count << "\n";
    } catch (const nlohmann::json::type_error&) {
      std::cout << text << ": type_error\n";
    }
  }
}
CPP
g++ -std=c++17 -isystem "$here/root/usr/include" "$here/read.cpp" -o "$here/read"
expected='{"nice":3.7}: nice 3 count 0
{"nice":4294967301}: nice 5 count 0
{"nice":true}: nice 1 count 0
{"count":-1}: nice 0 count 4294967295
{"nice":"3"}: type_error
{"on":1}: type_error'
same "read as" "$expected" "$("$here/read")"
