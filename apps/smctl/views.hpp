// The manager's documents as tables and texts for people. All of it is pure.
#pragma once

#include <cstdint>
#include <map>
#include <sm/json.hpp>
#include <string>
#include <string_view>

#include "json_members.hpp"
#include "service/service_note.hpp"
#include "table.hpp"
#include "text/short_forms.hpp"

namespace sm::ctl {

tone tone_of_state(std::string_view state);

struct status_options {
  bool wide = false;
  bool instances = false;  ///< a row for each instance where there are several
};

/// Of each service, what `status_table` and `is_down` look at.
std::string status_members(const status_options& options);

/// services.list.
table status_table(const json& listing, const status_options& options);

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

/// One event of the stream as a line, its time first.
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
