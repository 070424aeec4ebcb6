// Resque's job document:
// {"class":"EmailWork","args":[{...}],"id":"...","queue_time":1795429306.842671}. php-resque's
// form: `args` has one element, the job's fields. What only sm reads is under "sm", and nothing but
// sm's own options depends on it: other tools may drop it.
#pragma once

#include <cstdint>
#include <sm/job.hpp>
#include <sm/trace.hpp>
#include <string>

namespace sm {

struct job_payload {
  std::string type{};
  json args = json::array();
  job_id id{};            ///< "" when it has none, as Ruby's; with PHP's prefix ("p_ID") if any
  double queue_time = 0;  ///< Unix seconds; 0 when it has none
  std::int64_t run_at_ms = 0;       ///< when it was to be delayed
  std::string lock{};               ///< the key it is unique by
  bool lock_until_started = false;  ///< else until it is done
  bool lock_expires = false;        ///< neither: it is left to run out
  trace_context trace{};            ///< that it belongs to; written alone, see `trace_of_job`

  /// The fields: the first argument, null without one.
  json argument() const { return args.empty() ? json{} : args.front(); }
};

/// The document of a new job, in php-resque's order of fields.
std::string encode_payload(const job_payload& job);

/// A job as php-resque writes it, and not sm. An argument may have such members, too: then it is
/// looked for a status that never comes.
bool is_foreign_with_id(std::string_view payload) noexcept;

/// Fails with `bad_arguments` when the text is no job document, and says why.
result<job_payload> decode_payload(std::string_view text);

/// The trace that a job belongs to; an invalid one without.
trace_context trace_of_job(std::string_view payload);

/// What names a job: its id, or the SHA-1 of its bytes (40 hex digits) when it has none or is no
/// job document.
job_id key_of_job(std::string_view payload);

/// A queue's name has 1 to 128 bytes of UTF-8, no blanks or control characters, and does not read
/// as a pattern (`*`, `?`, `[`, `{`, or `!` in front).
bool valid_queue_name(std::string_view name);
/// An id that a caller gives has 1 to 256 printable ASCII characters, no blank, quote or backslash,
/// and is none of the words that stand in its place in paths (export, import).
bool valid_job_id(std::string_view id) noexcept;
/// For errors: "'a b' is no queue name: ...".
std::string no_queue_name(std::string_view name);

/// The text of the member `key` of a JSON object as it is written, or "" without one; of several
/// the last, as `parse_json` has it. Of a text that is no JSON it is something, or "".
std::string_view raw_member(std::string_view object, std::string_view key) noexcept;
/// A member that is a string, or "". Also of a document that `parse_json` refuses, as the jobs and
/// records of others may be: their other members can still be shown.
std::string string_member(std::string_view object, std::string_view key);

/// How deep arrays and objects stand within each other.
std::size_t nesting_of(std::string_view text) noexcept;

/// SHA-1 as 40 lower-case hex digits, as Redis names scripts and resque-retry its jobs.
std::string sha1_hex(std::string_view text);

}  // namespace sm
