// What the program wants to run, of its code and of its configuration file together: read at the
// start, and again for each plan.
#pragma once

#include "config/configuration.hpp"
#include "service/desired_state.hpp"

namespace sm {

struct declared_program {
  std::vector<declared_service> services{};  ///< consumers and the queue's clock among them
  declarations queue{};                      ///< as they were declared
  config settings{};                         ///< flag > environment > file > the code's defaults
  std::vector<config_mistake> mistakes{};    ///< of the file
  std::vector<error> errors{};               ///< of code, environment and flags

  bool good() const noexcept { return mistakes.empty() && errors.empty(); }
};

}  // namespace sm
