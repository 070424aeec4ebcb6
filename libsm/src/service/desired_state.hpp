// What the user wants to run: the program's own declarations, and what was changed at run time.
#pragma once

#include <memory>
#include <sm/service_spec.hpp>
#include <vector>

namespace sm {

/// Who wants a service: the program's code, its configuration file, or somebody at run time.
enum class service_origin { code, file, hand };
std::string_view to_string(service_origin origin) noexcept;

/// A service as the program declares it.
struct declared_service {
  service_spec spec;
  service_origin origin = service_origin::code;
};

struct desired_service {
  service_spec spec;
  /// As the program declared it; null when it was added at run time.
  std::shared_ptr<const service_spec> declared{};
  bool enabled = true;   ///< false: the user stopped it
  bool removed = false;  ///< a declared one that the user removed
  /// Not stored: it follows from the declarations.
  service_origin origin = service_origin::hand;

  /// What is stored is the same.
  friend bool operator==(const desired_service& a, const desired_service& b) {
    bool as_declared =
        a.declared && b.declared ? *a.declared == *b.declared : a.declared == b.declared;
    return as_declared && a.spec == b.spec && a.enabled == b.enabled && a.removed == b.removed;
  }
};

/// What is wanted of a declared service, where `present` (null for none) is so far. What was
/// changed at run time holds until the declaration changes, which then wins; one that was stopped
/// by hand stays stopped. With `overwrite` the declaration wins in any case.
desired_service follow(const desired_service* present, const declared_service& declared,
                       bool overwrite = false);

/// Each declared service as `follow` has it. Services that the program no longer declares are
/// dropped; added ones stay.
std::vector<desired_service> merge_declared(const std::vector<desired_service>& stored,
                                            const std::vector<declared_service>& declared);

}  // namespace sm
