#include "queue/resque_time.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

constexpr std::int64_t instant = 1'606'578'821'000;  // 2020-11-28T15:53:41Z

struct row {
  std::string_view text;
  std::int64_t expected;
};

}  // namespace

TEST(resque_time, every_form_of_a_date_that_stands_in_a_record_is_read) {
  for (auto& [text, expected] : {
           row{"2020-11-28T15:53:41Z", instant},                    // sm, Ruby
           row{"2020-11-28T15:53:41+00:00", instant},               // php-resque 1.3
           row{"2020-11-28T16:53:41+01:00", instant},               // the same, elsewhere
           row{"2020-11-28T10:23:41-0530", instant},                //
           row{"2020-11-28T15:53:41.250Z", instant + 250},          // JavaScript's toISOString
           row{"2020-11-28T16:53:41.250123+01:00", instant + 250},  //
           row{"2020-11-28T15:53:41.5", instant + 500},             //
           row{"2020-11-28 15:53:41 +0000", instant},               // Ruby's `started`
           row{"2020-11-28 15:53:41 UTC", instant},                 //
           row{"2020/11/28 15:53:41 UTC", instant},                 // Ruby's failed_at
           row{"2020/11/28 16:53:41 CET", instant},                 // and on a machine elsewhere
           row{"2020/11/28 10:53:41 EST", instant},                 //
           row{"2020/11/28 15:53:41", instant},                     // Ruby's retried_at
           row{"Sat Nov 28 15:53:41 UTC 2020", instant},            // php-resque 1.2
           row{"Sat Nov 28 16:53:41 CET 2020", instant},            //
           row{"Sat Nov 28 07:53:41 PST 2020", instant},            //
           row{"Sat Nov 28 18:53:41 +03 2020", instant},            // a zone without a name
           row{"Sat Nov 28 21:23:41 +0530 2020", instant},          //
           row{"Sun Nov  1 16:53:41 CET 2020", 1'604'246'021'000},  // date(1)
           row{"Sat Nov 28 2020 16:53:41 GMT+0100 (Central European Standard Time)", instant},
           row{"Sat Nov 28 2020 15:53:41 GMT+0000 (Coordinated Universal Time)", instant},
           row{"Sat Nov 28 2020 10:53:41 GMT-0500", instant},
           row{"Sat, 28 Nov 2020 16:53:41 +0100", instant},  // RFC 5322
           row{"Sat, 28 Nov 2020 15:53:41 GMT", instant},
           row{"Saturday, 28-Nov-20 15:53:41 UTC", 0},  // a year of two digits
           row{"2020/11/28 16:53:41 XYZ", 0},           // no zone that is known
           row{"2020-02-30T15:53:41Z", 0},
           row{"2020-11-28T25:53:41Z", 0},
           row{"2020-11-28T15:53:41+99:00", 0},
           row{"2020-11-28", 0},
           row{"15:53:41", 0},
           row{"yesterday", 0},
           row{"99999999999999999999", 0},
           row{"", 0},
       })
    EXPECT_EQ(parse_resque_time(text), expected) << text;
}

TEST(resque_time, what_is_written_is_read_again) {
  EXPECT_EQ(resque_time(instant + 999), "2020-11-28T15:53:41Z");
  EXPECT_EQ(parse_resque_time(resque_time(instant)), instant);
}

}  // namespace sm
