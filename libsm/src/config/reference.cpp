#include "config/reference.hpp"

#include <sm/server.hpp>

#include "config/setting_rows.hpp"
#include "schema/documents.hpp"
#include "schema/queue_fields.hpp"
#include "schema/spec_fields.hpp"

namespace sm {
namespace {

template <class T>
std::string table_of(const std::string& head, const std::string& more, table_form form = {}) {
  const T defaults{};
  return "\n### " + head + "\n\n" + more + "\n\n" + markdown_table(&defaults, rows_of<T>(), form);
}

}  // namespace

std::string configuration_in_markdown() {
  std::string text;
  const config defaults;
  for (auto& section : rows_of<config>())
    text += "\n### [" + std::string(section.name) + "]\n\n" +
            markdown_table(section.in(&defaults), section.rows());
  text += table_of<service_spec>("[service.NAME]",
                                 "What the fields mean is in [services.md](services.md). "
                                 "`command`, or `type` for a type of the program's own, is all "
                                 "that is needed.",
                                 {.meanings = false, .named = false});
  text += table_of<consumer_spec>("[consumer.NAME]",
                                  "The service is called `consumer.NAME`; see "
                                  "[queue.md](queue.md).");
  text += table_of<schedule_spec>("[schedule.NAME]",
                                  "`cron` and `type` are needed; see [queue.md](queue.md).",
                                  {.named = false});
  text += table_of<queue_limits>("[limit.QUEUE]", "0 is any number.");
  text += table_of<group_spec>("[group.NAME]",
                               "Ties the services whose `group` has this name together.");
  return text;
}

std::string specification_in_markdown(bool of_programs) {
  using which = table_form::which;
  const service_spec defaults;
  return markdown_table(&defaults, rows_of<service_spec>(),
                        {.rows = of_programs ? which::of_programs : which::of_types});
}

}  // namespace sm
