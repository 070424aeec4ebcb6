// What the verbs do. Each takes the session and returns the exit code.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string_view>

#include "session.hpp"

namespace sm::ctl {

/// One request may wait so long for an outcome; http.request_timeout is 60 s by default.
inline constexpr std::chrono::milliseconds wait_max{45'000};

using verb_handler = std::function<result<int>(session&)>;
using handlers = std::map<std::string_view, verb_handler>;

void add_service_verbs(handlers& to);
void add_change_verbs(handlers& to);
void add_call_verbs(handlers& to);
void add_log_verbs(handlers& to);
void add_live_verbs(handlers& to);
void add_edit_verbs(handlers& to);
void add_queue_verbs(handlers& to);
void add_job_verbs(handlers& to);
void add_config_verbs(handlers& to);
void add_daemon_verbs(handlers& to);
void add_token_verbs(handlers& to);
void add_audit_verbs(handlers& to);

/// All that talk to a manager, by the names of their rows.
const handlers& all_handlers();

/// `import`, which talks to nobody.
result<int> import_files(const invocation& given);

/// KEY=VALUE words as an object, or one JSON document; null without any. Of KEY=VALUE a value that
/// is JSON is that, any other a text. Fails with `bad_arguments` for what is neither.
result<json> read_command_arguments(std::span<const std::string> words);

/// Puts `text` at FIELD, or FIELD.FIELD, of `document`: as JSON where it is, else as a text.
result<void> set_field(json& document, const std::string& assignment);

}  // namespace sm::ctl
