// Runs a command to its end, and a program within a terminal of tmux.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace sm::test {

struct command_result {
  int code = -1;  ///< or minus the signal
  std::string out, err;
};

/// What `words` print, and how they end; killed after 60 s. `environment` is added to ours.
command_result run_command(const std::vector<std::string>& words, const std::string& input = {},
                           const std::vector<std::string>& environment = {});

/// Is there such a program in PATH?
bool is_installed(const std::string& program);

/// A terminal of its own, of `width` columns and `height` lines, that runs a command of the shell
/// and then says "ended with CODE".
class tmux_terminal {
 public:
  tmux_terminal(int width, int height, const std::string& command);
  ~tmux_terminal();
  tmux_terminal(const tmux_terminal&) = delete;
  tmux_terminal& operator=(const tmux_terminal&) = delete;

  /// What is on the screen, a line each, without blanks at their ends.
  std::string screen() const;
  /// Waits until the screen has `text`; false when it does not come in time.
  bool shows(const std::string& text) const;
  void type(const std::string& keys) const;
  void resize(int width, int height) const;

 private:
  std::vector<std::string> tmux(std::vector<std::string> words) const;

  temporary_folder folder_;
};

/// Whether what it printed has a part.
inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace sm::test
