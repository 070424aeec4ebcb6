#include "config/reference.hpp"

#include <sm/schedule.hpp>

#include "config/setting_rows.hpp"
#include "config/toml_text.hpp"
#include "queue/consumer/consumer_declaration.hpp"
#include "queue/schedule.hpp"
#include "service/group_spec.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

std::string in_code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

std::string kind_of(const json& value) {
  if (value.is_boolean()) return "flag";
  if (value.is_number_float()) return "number";
  if (value.is_number()) return "whole number";
  if (value.is_array()) return "list";
  if (value.is_object()) return "table";
  if (value.is_null()) return "any value";
  auto& text = value.get_ref<const std::string&>();
  bool duration = !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0 &&
                  parse_duration(text) && !text.starts_with("0");
  return duration || text == "0ms" || text == "0s" ? "duration" : "text";
}

/// The fields of a document with their defaults; those of a table within it one by one.
void add_fields(std::string& out, const json& document, const std::string& pointer) {
  for (auto& entry : document.items()) {
    auto at = pointer + pointer_to(entry.key());
    if (entry.value().is_object() && !entry.value().empty()) {
      add_fields(out, entry.value(), at);
      continue;
    }
    auto shown = entry.value().is_null() ? "" : print_json(entry.value());
    out += "| " + in_code(key_of_pointer(at)) + " | " + kind_of(entry.value()) + " | " +
           in_code(shown) + " |\n";
  }
}

std::string table_of(const std::string& head, json document, const std::string& more) {
  document.erase("name");
  std::string text =
      "\n### " + head + "\n\n" + more + "\n\n| key | value | default |\n|---|---|---|\n";
  add_fields(text, document, "");
  return text;
}

}  // namespace

std::string configuration_in_markdown() {
  std::string text, section;
  for (auto& row : setting_rows()) {
    auto dot = row.key.find('.');
    if (row.key.substr(0, dot) != section) {
      section = row.key.substr(0, dot);
      text += "\n### [" + section + "]\n\n| key | value | default | meaning |\n|---|---|---|---|\n";
    }
    text += "| " + in_code(row.key.substr(dot + 1)) + " | " + std::string(to_string(row.kind)) +
            " | " + in_code(row.value) + " | " + row.doc + " |\n";
  }
  text +=
      table_of("[service.NAME]", to_json(service_spec{}),
               "What the fields mean is in [services.md](services.md). `command`, or `type` for "
               "a type of the program's own, is all that is needed.");
  text += table_of("[consumer.NAME]", to_json(consumer_spec{}),
                   "The service is called `consumer.NAME`; see [queue.md](queue.md).");
  text += table_of("[schedule.NAME]", to_json(schedule_spec{}),
                   "`cron` and `type` are needed; see [queue.md](queue.md).");
  queue_limits limits;
  text += table_of("[limit.QUEUE]",
                   {{"concurrency", limits.concurrency},
                    {"rate", limits.rate},
                    {"period", format_duration(limits.period)}},
                   "0 is any number.");
  text += table_of("[group.NAME]", to_json(group_spec{}),
                   "Ties the services whose `group` has this name together.");
  return text;
}

}  // namespace sm
