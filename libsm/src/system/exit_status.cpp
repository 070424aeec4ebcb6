#include "system/exit_status.hpp"

#include "system/signal_names.hpp"

namespace sm {

std::string to_string(const exit_status& status) {
  if (auto* e = std::get_if<exited_with>(&status)) return "exit code " + std::to_string(e->code);
  if (auto* s = std::get_if<killed_by>(&status)) return signal_name(s->number);
  return "vanished";
}

}  // namespace sm
