// Resque's job document:
// {"class":"EmailWork","args":[{...}],"id":"...","queue_time":1795429306.842671}. php-resque's
// form: `args` has one element, the job's fields.
#pragma once

#include <sm/job.hpp>
#include <string>

namespace sm {

struct job_payload {
  std::string type;
  json args = json::array();
  job_id id{};

  /// The fields: the first argument, null without one.
  json argument() const { return args.empty() ? json{} : args.front(); }
};

std::string encode_payload(const std::string& type, const json& argument, const job_id& id,
                           double queue_time);

/// Fails with `bad_arguments` when the text is no job document, and says why.
result<job_payload> decode_payload(std::string_view text);

/// A queue's name has 1 to 128 characters, no blanks or control characters.
bool valid_queue_name(std::string_view name) noexcept;

}  // namespace sm
