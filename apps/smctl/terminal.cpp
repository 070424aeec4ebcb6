#include "terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "system/unique_fd.hpp"
#include "table.hpp"
#include "text/numbers.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

volatile std::sig_atomic_t end_wanted = 0;
std::atomic<bool> one_shows = false;  // of the lines of progress

void want_the_end(int) { end_wanted = 1; }
void look_again(int) {}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    auto n = ::write(fd, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      pollfd watched{fd, POLLOUT, 0};
      ::poll(&watched, 1, -1);  // as long as the reader likes: it is the user's
    } else if (n < 0 && errno != EINTR) {
      ::_exit(errno == EPIPE ? 128 + SIGPIPE : 1);
    }
  }
}

std::size_t size_of(const char* variable, unsigned short winsize::*member) {
  if (const char* text = std::getenv(variable))
    if (auto n = parse_integer<std::size_t>(text, 1, 10'000)) return *n;
  winsize size{};
  if (::isatty(STDOUT_FILENO) && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    return size.*member;
  return 0;
}

/// The lines of `text` that fit, each followed by the erasure of what stood there.
std::string screen_of(const std::string& text, std::size_t height) {
  std::string out = "\x1b[H";
  std::size_t line = 0;
  std::string_view rest = text;
  while (!rest.empty() && (height == 0 || line < height)) {
    auto end = std::min(rest.find('\n'), rest.size());
    out += (line == 0 ? "" : "\r\n") + std::string(rest.substr(0, end)) + "\x1b[K";
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line;
  }
  return out + "\x1b[J";
}

}  // namespace

terminal terminal::of(const invocation& given) {
  terminal t;
  t.input = ::isatty(STDIN_FILENO);
  t.output = ::isatty(STDOUT_FILENO);
  t.errors = ::isatty(STDERR_FILENO);
  auto when = given.has("no-color") ? "never" : given.value("color", "auto");
  // no-color.org: any text but an empty one.
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  bool wanted = !(no_color && *no_color) && !(term && std::string_view(term) == "dumb");
  t.colour = when == "always" || (when == "auto" && wanted && t.output);
  t.colour_errors = when == "always" || (when == "auto" && wanted && t.errors);
  return t;
}

std::size_t terminal::width() { return size_of("COLUMNS", &winsize::ws_col); }
std::size_t terminal::height() { return size_of("LINES", &winsize::ws_row); }

void put(std::string_view text) { write_all(STDOUT_FILENO, text); }

void say(std::string_view text) { write_all(STDERR_FILENO, harmless(text) + "\n"); }

bool confirmed(const std::string& question) {
  write_all(STDERR_FILENO, harmless(question) + " [y/N] ");
  std::string answer;
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
    if (answer.size() < 8) answer += c;
  return answer == "y" || answer == "Y" || answer == "yes";
}

progress::progress(bool shown, std::string what, std::string detail)
    : what_(std::move(what)), detail_(std::move(detail)), begin_(clock::now()) {
  if (!shown || one_shows.exchange(true)) return;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {  // a limit on tasks: it goes without
    one_shows = false;
  }
}

progress::~progress() { clear(); }

void progress::run() {
  std::unique_lock lock(mutex_);
  bool visible = false;
  for (auto next = begin_ + 1s; !cleared_.wait_until(lock, next, [this] { return ends_; });
       next += 1s) {
    auto line =
        fmt::format("{} {} ({} s)", what_, detail_,
                    std::chrono::duration_cast<std::chrono::seconds>(next - begin_).count());
    auto width = terminal::width();
    line = fitted(harmless(line), width > 1 ? width - 1 : 79);
    write_all(STDERR_FILENO, "\r" + line + "\x1b[K");
    visible = true;
  }
  if (visible) write_all(STDERR_FILENO, "\r\x1b[K");
}

void progress::show(std::string detail) {
  std::lock_guard lock(mutex_);
  detail_ = std::move(detail);
}

void progress::clear() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    ends_ = true;
  }
  cleared_.notify_one();
  thread_.join();
  one_shows = false;
}

full_screen::full_screen() {
  ::tcgetattr(STDIN_FILENO, &before_);
  auto raw = before_;
  raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  struct sigaction action {};
  action.sa_handler = want_the_end;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = look_again;
  ::sigaction(SIGWINCH, &action, nullptr);
  put("\x1b[?1049h\x1b[?25l");
}

full_screen::~full_screen() {
  put("\x1b[?25h\x1b[?1049l");
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void full_screen::draw(const std::string& text) { put(screen_of(text, terminal::height())); }

char full_screen::key(std::chrono::milliseconds patience) {
  pollfd watched{STDIN_FILENO, POLLIN, 0};
  if (end_wanted != 0 || ::poll(&watched, 1, static_cast<int>(patience.count())) <= 0) return 0;
  char c = 0;
  if (::read(STDIN_FILENO, &c, 1) <= 0) {
    end_wanted = 1;  // the terminal is gone
    return 0;
  }
  return c;
}

bool full_screen::interrupted() { return end_wanted != 0; }

}  // namespace sm::ctl
