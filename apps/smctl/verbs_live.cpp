// top.
#include <thread>

#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

result<int> top(session& s) {
  if (!s.screen.output || !s.screen.input)
    return fail(errc::bad_arguments, "top needs a terminal; elsewhere use 'smctl status'");
  auto interval = std::max(s.given.duration("interval", 1s), std::chrono::milliseconds{100});
  auto sort = s.given.value("sort", "cpu");
  auto client = s.new_client();
  auto listing = s.services();
  if (!listing) return tl::unexpected<error>(listing.error());
  auto before = cpu_times_of(*listing);
  auto looked = clock::now(), tried = looked;
  full_screen screen;
  std::string trouble;
  double seconds = 0;
  auto now = before;
  auto draw = [&] {
    auto head = fitted((trouble.empty() ? counts_line(*listing) : harmless(trouble)) +
                           "; sorted by " + sort + "; c m n sort, q ends",
                       terminal::width());
    screen.draw(
        head + "\n\n" +
        print(top_table(*listing, before, seconds, sort), terminal::width(), s.screen.colour));
  };
  for (;;) {
    draw();
    auto next = tried + (seconds == 0 ? std::min(interval, 500ms) : interval);
    while (clock::now() < next) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(next - clock::now());
      auto key = screen.key(left);
      if (key == 'q' || key == 3 || full_screen::interrupted()) return exits::ok;
      if (key == 'c') sort = "cpu";
      if (key == 'm') sort = "mem";
      if (key == 'n') sort = "name";
      draw();
    }
    auto fresh = session::ask(client, request_for("services.list"), clock::now() + 5s);
    tried = clock::now();
    trouble = fresh ? "" : fresh.error().detail;
    if (fresh) {
      before = std::exchange(now, cpu_times_of(*fresh));
      listing = std::move(fresh);
      seconds = std::chrono::duration<double>(tried - looked).count();
      looked = tried;
    }
  }
}

}  // namespace

void add_live_verbs(handlers& to) { to["top"] = top; }

}  // namespace sm::ctl
