// The test program under a manager, and smctl beside it.
#pragma once

#include "command.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {

class smctl_fixture : public supervision_fixture {
 protected:
  using supervision_fixture::supervision_fixture;

  command_result smctl(std::vector<std::string> words, const std::string& input = {},
                       const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> all{SMCTL, "-s", app.state().string()};
    all.insert(all.end(), words.begin(), words.end());
    return run_command(all, input, environment);
  }
  /// As a line for a shell.
  std::string line(const std::string& words) const {
    return std::string(SMCTL) + " -s " + app.state().string() + " " + words;
  }
};

}  // namespace sm::test
