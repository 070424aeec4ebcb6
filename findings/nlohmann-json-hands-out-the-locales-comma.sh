#!/bin/bash
# nlohmann-json 3.11.2 (Debian 12): sax_parse() of [1.5], in a program whose locale has a decimal comma; number_float(value, s).
# Expected: s is "1.5", the token as it stands in the text, as the documentation of the SAX interface calls it.
# Seen: "1,5": the lexer writes the locale's point over the text's for strtod, and hands that out. parse() is right in any
# locale, so a handler that looks at s (for an integer that became a double, say) fails only where the program's users live.
# sm: its reader takes for an integer what has digits and a sign alone; a test reads under a Turkish locale.
. "$(dirname "$0")/common"
debs nlohmann-json3-dev=3.11.2-2 locales=2.36-9+deb12u14
I18NPATH=$here/root/usr/share/i18n localedef -i de_DE -f ISO-8859-1 "$here/de_DE"
cat > "$here/read.cpp" <<'CPP'
#include <clocale>
#include <iostream>
#include <nlohmann/json.hpp>

using nlohmann::json;

struct reader : json::json_sax_t {
  std::string seen;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(json::number_integer_t) override { return true; }
  bool number_unsigned(json::number_unsigned_t) override { return true; }
  bool number_float(json::number_float_t, const std::string& s) override {
    seen = s;
    return true;
  }
  bool string(std::string&) override { return true; }
  bool binary(json::binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(std::string&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }
};

int main() {
  for (auto locale : {"C", "de_DE"}) {
    if (!std::setlocale(LC_ALL, locale)) return 2;
    reader r;
    json::sax_parse("[1.5]", &r);
    std::cout << locale << ": number_float has " << r.seen << ", parse has " << json::parse("[1.5]").dump() << "\n";
  }
}
CPP
g++ -std=c++17 -isystem "$here/root/usr/include" "$here/read.cpp" -o "$here/read"
expected='C: number_float has 1.5, parse has [1.5]
de_DE: number_float has 1,5, parse has [1.5]'
same "read as" "$expected" "$(LOCPATH=$here "$here/read")"
