// What would change if the declarations were followed: a comparison of values, before anything is
// touched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/desired_state.hpp"

namespace sm {

enum class plan_action { add, change, remove, keep };
std::string_view to_string(plan_action action) noexcept;

struct field_change {
  std::string field;  ///< JSON pointer: "/backoff/min"
  json before, after;

  friend bool operator==(const field_change&, const field_change&) = default;
};

struct service_change {
  std::string name;
  plan_action action = plan_action::keep;
  desired_service wanted;              ///< as it would be
  std::vector<field_change> fields{};  ///< of the specification, by name
  /// Of its instances ("web:0"), in the order of their numbers.
  std::vector<std::string> replaced{}, kept{}, started{}, stopped{};
  /// Of one that is kept: what was changed by hand, and stays. Of the file's value to the present.
  std::vector<field_change> by_hand{};
};

struct service_plan {
  /// First what is removed, each after those that depend on it, then the rest, each after what it
  /// depends on.
  std::vector<service_change> changes{};

  bool empty() const noexcept;  ///< nothing but `keep`
};

/// Compares what is wanted so far (`present`, removed ones included) with what the program
/// declares. Services that are the program's, and that it declares no more, are removed; those that
/// were added by hand are kept. With `overwrite` what was changed by hand is undone.
service_plan make_plan(const std::vector<desired_service>& present,
                       const std::vector<declared_service>& declared, bool overwrite = false);

/// The plan as a document. Secrets are hidden, unless it is for a digest.
json to_document(const service_plan& plan, bool hide_secrets = true);

/// The fields in which the documents differ, by their pointers; lists are one field.
std::vector<field_change> differences(const json& before, const json& after);

}  // namespace sm
