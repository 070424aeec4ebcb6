// A delayed job as resque-scheduler and php-resque-scheduler keep it, in the list delayed:TIME:
// {"class":..,"args":[..],"queue":".."}.
#pragma once

#include <optional>
#include <string>

namespace sm {

/// The element for a job as Ruby writes it ({"class":..,"args":..}); "" for any other, which would
/// lose its id on the way through a foreign scheduler.
std::string plugin_form(const std::string& bytes, const std::string& queue);

/// Queue and bytes of an element; nothing when it is no job.
struct plugin_job {
  std::string queue, bytes;
};
std::optional<plugin_job> from_plugin_form(const std::string& element);

}  // namespace sm
