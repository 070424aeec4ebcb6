// What the user wants to run: the program's own declarations, and what was changed at run time.
#pragma once

#include <sm/service_spec.hpp>
#include <vector>

namespace sm {

struct desired_service {
  service_spec spec;
  json declared = nullptr;  ///< as the program declared it; null when it was added at run time
  bool enabled = true;      ///< false: the user stopped it
  bool removed = false;     ///< a declared one that the user removed

  friend bool operator==(const desired_service&, const desired_service&) = default;
};

/// Run-time changes hold over restarts until the program's own declaration of the service changes,
/// which then wins. Services that the program no longer declares are dropped; added ones stay.
std::vector<desired_service> merge_declared(const std::vector<desired_service>& stored,
                                            const std::vector<service_spec>& declared);

}  // namespace sm
