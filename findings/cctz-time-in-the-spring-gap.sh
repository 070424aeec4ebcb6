#!/bin/bash
# cctz 2.3 (Debian 12): two ways to read a local time that the spring change leaves out, two instants.
# Expected: parse() and convert() agree on 02:30 of 2026-03-29 in Berlin, and keep the order of the clock.
# Seen: convert() gives the change itself, 03:00; parse() goes on counting, 03:30, so that "02:45" comes half an hour
# behind "03:15". Both are without an error, and agree again in autumn.
# sm: one rule for schedules, by civil times alone; see docs/queue.md.
. "$(dirname "$0")/common"
debs libcctz-dev=2.3+dfsg1-3 libcctz2=2.3+dfsg1-3
cat > "$here/gap.cpp" <<'CPP'
#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <cstdio>
#include <iostream>

int main() {
  cctz::time_zone berlin;
  if (!cctz::load_time_zone("Europe/Berlin", &berlin)) return 1;
  for (const char* text : {"2026-03-29 02:30", "2026-03-29 02:45", "2026-03-29 03:15", "2026-10-25 02:30"}) {
    std::chrono::time_point<std::chrono::system_clock, cctz::seconds> parsed;
    if (!cctz::parse("%Y-%m-%d %H:%M", text, berlin, &parsed)) return 1;
    int year, month, day, hour, minute;
    std::sscanf(text, "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute);
    auto converted = cctz::convert(cctz::civil_second(year, month, day, hour, minute, 0), berlin);
    std::cout << text << '=' << cctz::format("%H:%M", parsed, berlin) << '/'
              << cctz::format("%H:%M", converted, berlin) << '\n';
  }
}
CPP
g++ -std=c++17 -I"$here/root/usr/include" "$here/gap.cpp" -o "$here/gap" -L"$here/root/usr/lib/x86_64-linux-gnu" -lcctz
seen=$("$here/gap")
same "02:30 does not exist (parse/convert)" "2026-03-29 02:30=03:30/03:00" "$(sed -n 1p <<< "$seen")"
same "02:45 does not exist" "2026-03-29 02:45=03:45/03:00" "$(sed -n 2p <<< "$seen")"
same "03:15 does" "2026-03-29 03:15=03:15/03:15" "$(sed -n 3p <<< "$seen")"
same "02:30 exists twice" "2026-10-25 02:30=02:30/02:30" "$(sed -n 4p <<< "$seen")"
