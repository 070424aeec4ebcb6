// Jobs on their way from one store to another: a line of JSON for each, with the job's exact bytes.
#pragma once

#include <string>

#include "queue/job_store.hpp"

namespace sm {

/// {"queue":"q","state":"ready","payload":"...", ...}; bytes that are no UTF-8 go as "payload64".
std::string export_line(const job_view& job);

/// Fails with `bad_arguments` and the field at fault.
result<job_view> import_line(std::string_view line);

std::string to_base64(std::string_view bytes);
/// Nothing when it is no base64.
std::optional<std::string> from_base64(const std::string& text);

}  // namespace sm
