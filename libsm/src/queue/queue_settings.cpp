#include "queue/queue_settings.hpp"

#include "schema/setting_fields.hpp"

namespace sm {

using std::chrono::milliseconds;

void to_json(json& j, const queue_config& c) {
  j = json::object();
  for (auto& row : rows_of<queue_config>()) {
    auto* member = row.in(&c);
    j[std::string(row.name)] = row.kind() == field_kind::duration
                                   ? json(static_cast<const milliseconds*>(member)->count())
                                   : row.type->write(member);
  }
}

void from_json(const json& j, queue_config& c) {
  for (auto& row : rows_of<queue_config>()) {
    auto given = j.find(row.name);
    if (given == j.end()) continue;
    auto* member = row.in(&c);
    if (row.kind() == field_kind::duration)
      *static_cast<milliseconds*>(member) = milliseconds(given->get<std::int64_t>());
    else if (auto ok = row.type->read(*given, member, row.rules); !ok)
      throw failure(errc::bad_arguments, ok.error().detail, "/" + std::string(row.name));
  }
}

}  // namespace sm
