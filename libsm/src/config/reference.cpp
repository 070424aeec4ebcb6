#include "config/reference.hpp"

#include <sm/server.hpp>

#include "config/program_flags.hpp"
#include "config/setting_rows.hpp"
#include "schema/documents.hpp"
#include "schema/queue_fields.hpp"
#include "schema/spec_fields.hpp"
#include "text/roff.hpp"

namespace sm {
namespace {

/// Calls `f` with each section's head, what is said of it (Markdown), its values by default, its
/// rows, and which columns its table has.
template <class F>
void each_section(F f) {
  const config defaults;
  for (auto& section : rows_of<config>())
    f("[" + std::string(section.name) + "]", "", section.in(&defaults), section.rows(),
      table_form{});
  const service_spec service;
  f("[service.NAME]",
    "What the fields mean is in [services.md](services.md). `command`, or `type` for a type of the "
    "program's own, is all that is needed.",
    &service, rows_of<service_spec>(), table_form{.meanings = false, .named = false});
  const consumer_spec consumer;
  f("[consumer.NAME]", "The service is called `consumer.NAME`; see [queue.md](queue.md).",
    &consumer, rows_of<consumer_spec>(), table_form{});
  const schedule_spec schedule;
  f("[schedule.NAME]", "`cron` and `type` are needed; see [queue.md](queue.md).", &schedule,
    rows_of<schedule_spec>(), table_form{.named = false});
  const queue_limits limits;
  f("[limit.QUEUE]", "0 is any number.", &limits, rows_of<queue_limits>(), table_form{});
  const group_spec group;
  f("[group.NAME]", "Ties the services whose `group` has this name together.", &group,
    rows_of<group_spec>(), table_form{});
}

/// "[services.md](services.md)" as "services.md".
std::string without_links(std::string text) {
  for (auto middle = text.find("]("); middle != text.npos; middle = text.find("](")) {
    auto begin = text.rfind('[', middle), end = text.find(')', middle);
    if (begin == text.npos || end == text.npos) break;
    text.replace(begin, end + 1 - begin, text.substr(begin + 1, middle - begin - 1));
  }
  return text;
}

}  // namespace

std::string configuration_in_markdown() {
  std::string text;
  each_section([&](const std::string& head, const std::string& about, const void* defaults,
                   field_rows rows, table_form form) {
    text += "\n### " + head + "\n\n" + about + (about.empty() ? "" : "\n\n") +
            markdown_table(defaults, rows, form);
  });
  return text;
}

std::string configuration_in_roff() {
  std::string text;
  each_section([&](const std::string& head, const std::string& about, const void* defaults,
                   field_rows rows, table_form form) {
    text += ".SH \"" + roff(head) + "\"\n" + roff(about) + (about.empty() ? "" : "\n") +
            roff_list(defaults, rows, {.named = form.named});
  });
  return without_links(std::move(text));
}

std::string program_in_markdown() {
  std::string text = "| flag | meaning |\n|---|---|\n";
  for (auto& row : program_flags())
    text += "| `" + std::string(row.name) + (row.meta.empty() ? "" : " ") + std::string(row.meta) +
            "` | " + std::string(row.doc) + " |\n";
  text += "\n| signal | what the manager does |\n|---|---|\n";
  for (auto& row : program_signals())
    text += "| " + std::string(row.names) + " | " + std::string(row.doc) + " |\n";
  return text;
}

std::string specification_in_markdown(bool of_programs) {
  using which = table_form::which;
  const service_spec defaults;
  return markdown_table(&defaults, rows_of<service_spec>(),
                        {.rows = of_programs ? which::of_programs : which::of_types});
}

}  // namespace sm
