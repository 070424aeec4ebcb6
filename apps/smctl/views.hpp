// The manager's documents as tables and texts for people. All of it is pure.
#pragma once

#include <cstdint>
#include <map>
#include <sm/json.hpp>
#include <string>
#include <string_view>

#include "table.hpp"

namespace sm::ctl {

/// A field; null where there is none.
const json& at(const json& document, const char* name);
/// A text field, "" where there is none or it is no text.
std::string text_in(const json& document, const char* name);
double number_in(const json& document, const char* name);

/// "45s", "12m", "3h05m", "2d04h".
std::string short_time(std::int64_t seconds);
/// "512K", "45.2M", "1.3G".
std::string short_size(double bytes);

tone tone_of_state(std::string_view state);

struct status_options {
  bool wide = false;
  bool instances = false;  ///< a row for each instance where there are several
};

/// Of each service, what `status_table` and `is_down` look at.
std::string status_members(const status_options& options);

/// services.list.
table status_table(const json& listing, const status_options& options);

/// What of a service is worth a word: why it does not run, what it waits for, what it says.
std::string note_of(const json& service);

/// The exit code that `status` owes for one service: those that `named` asks for shall run.
bool is_down(const json& service, bool named);

/// services.show, in lines.
std::string service_text(const json& service, bool colour);

table queues_table(const json& listing);
std::string queue_text(const json& queue);
table jobs_table(const json& list);
table failed_table(const json& list);
table schedules_table(const json& listing, std::int64_t now_ms);

/// Fields of a document, a line each, lists and objects below.
std::string fields_text(const json& document);

/// One event of the stream as a line: when there is no time in it, that of its arrival.
std::string event_line(std::string_view type, const json& data);

/// What `status -w` and `top` count at their head: "12 services: 10 RUNNING, 1 FATAL".
std::string counts_line(const json& listing);

/// Seconds of processor time by service and instance.
using cpu_times = std::map<std::string, double>;
cpu_times cpu_times_of(const json& listing);

/// config.plan, in lines: what is added, changed (each field from what to what) and removed, and
/// which processes that touches. What is kept is not shown, unless it was changed by hand.
std::string plan_text(const json& plan, bool colour);

/// How many of a plan's changes change something.
std::size_t changes_in(const json& plan);

/// `top`'s table; shares are those of one processor over `seconds`.
table top_table(const json& listing, const cpu_times& before, double seconds,
                std::string_view sort);

}  // namespace sm::ctl
