// The terminal smctl runs in, and what it prints: data to stdout, messages to stderr.
#pragma once

#include <termios.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "arguments.hpp"

namespace sm::ctl {

struct terminal {
  bool input = false, output = false, errors = false;  ///< is a terminal
  bool colour = false;                                 ///< of stdout
  bool colour_errors = false;

  /// Looks at the three descriptors, --color, NO_COLOR and TERM.
  static terminal of(const invocation& given);

  /// Columns and lines: TIOCGWINSZ, or $COLUMNS and $LINES, which win; 0 where there is none, as
  /// for a pipe.
  static std::size_t width();
  static std::size_t height();
};

/// Writes all of `text` to stdout; ends the program, with SIGPIPE's meaning, when nobody reads it.
void put(std::string_view text);

/// A line to stderr, made harmless.
void say(std::string_view text);

/// True for "y" or "yes" on the terminal; the prompt goes to stderr.
bool confirmed(const std::string& question);

/// Says on the terminal's stderr what takes more than a second, each second anew, by a thread of
/// its own; silent elsewhere, and while another one is there.
class progress {
 public:
  progress(bool shown, std::string what, std::string detail = {});
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// What it says behind `what`. From any thread.
  void show(std::string detail);
  /// Takes the line away, for good.
  void clear();

 private:
  void run();

  const std::string what_;
  std::string detail_;
  const std::chrono::steady_clock::time_point begin_;
  std::mutex mutex_;
  std::condition_variable cleared_;
  bool ends_ = false;
  std::thread thread_;
};

/// The alternate screen with keys that come one by one, until its end; also by a signal.
class full_screen {
 public:
  full_screen();
  ~full_screen();
  full_screen(const full_screen&) = delete;
  full_screen& operator=(const full_screen&) = delete;

  /// Draws `text` over what was there, cut to the screen.
  void draw(const std::string& text);
  /// The next key, or 0 after `patience`, on a change of size, or when a signal wants the end.
  char key(std::chrono::milliseconds patience);
  /// A signal wants the end.
  static bool interrupted();

 private:
  termios before_{};
};

}  // namespace sm::ctl
