// What a program registered: read by the manager and, after the fork, by each service process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <sm/caf.hpp>
#include <sm/job.hpp>
#include <string>
#include <variant>
#include <vector>

#include "process_settings.hpp"

namespace sm {

/// For the types of sm itself, which need more of the manager's configuration than a user's.
using builtin_factory =
    std::function<std::unique_ptr<service>(service_context, const process_settings&)>;

using type_factory = std::variant<detail::service_factory,
                                  std::shared_ptr<const detail::actor_factory>, builtin_factory>;

struct registry {
  std::map<std::string, type_factory> types;
  std::shared_ptr<job_registry> jobs = std::make_shared<job_registry>();
  std::vector<std::function<void(caf::actor_system_config&)>> messages;
};

/// The type of the queue's consumers, which every program has.
inline constexpr const char* consumer_type = "sm.consumer";

}  // namespace sm
