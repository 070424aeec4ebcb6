#include "manager/configuration_keeper.hpp"

#include <openssl/sha.h>

#include <fmt/ranges.h>

#include <algorithm>

#include "config/setting_rows.hpp"
#include "queue/schedule.hpp"
#include "schema/queue_fields.hpp"
#include "service/group_spec.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

std::string digest(const std::string& text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum.data());
  return fmt::format("{:02x}", fmt::join(sum.begin(), sum.begin() + 16, ""));
}

/// Things of a kind by their names, as documents.
using documents = std::map<std::string, json>;

documents schedules_of(const declarations& d) {
  documents all;
  for (auto& s : d.schedules) all[s.name] = to_json(s);
  return all;
}
documents limits_of(const declarations& d) {
  documents all;
  for (auto& [queue, l] : d.limits) all[queue] = to_fields(l);
  return all;
}
documents groups_of(const std::vector<group_spec>& groups) {
  documents all;
  for (auto& g : groups) all[g.name] = to_json(g);
  return all;
}
documents settings_of(const config& c) {
  documents all;
  for (auto& row : setting_rows(c)) all[row.key] = row.value;
  return all;
}

json field_document(const field_change& f) {
  return {{"field", f.field}, {"before", f.before}, {"after", f.after}};
}

void add_rows(json& rows, const char* kind, const documents& before, const documents& after) {
  auto add = [&](const std::string& name, plan_action action, const std::vector<field_change>& f) {
    json fields = json::array();
    for (auto& each : f) fields.push_back(field_document(each));
    rows.push_back(
        {{"kind", kind}, {"name", name}, {"action", to_string(action)}, {"fields", fields}});
  };
  for (auto& [name, document] : before)
    if (!after.contains(name)) add(name, plan_action::remove, {});
  for (auto& [name, document] : after) {
    auto old = before.find(name);
    if (old == before.end())
      add(name, plan_action::add, differences(json(), document));
    else if (old->second != document)
      add(name, plan_action::change, differences(old->second, document));
  }
}

/// With what is to be seen by nobody hidden.
void hide_password(json& rows) {
  for (auto& row : rows)
    if (row["kind"] == "setting")
      for (auto& field : row["fields"])
        for (auto* side : {"before", "after"})
          field[side] =
              shown_setting(row["name"].get<std::string>(), field[side].get<std::string>());
}

json error_row(const config_mistake& m) {
  return {{"file", m.where.file},
          {"line", m.where.line},
          {"column", m.where.column},
          {"key", m.key},
          {"detail", m.detail}};
}
json error_row(const error& e) {
  return {{"file", nullptr}, {"line", 0}, {"column", 0}, {"key", e.where}, {"detail", e.detail}};
}

}  // namespace

configuration_keeper::configuration_keeper(loop& l, supervisor& services, queue_view& jobs,
                                           read_declared read, declared_program running, logger log)
    : loop_(l),
      services_(services),
      jobs_(jobs),
      read_(std::move(read)),
      running_(std::move(running)),
      log_(std::move(log)),
      salt_(random_hex(16)) {}

void configuration_keeper::look(bool overwrite,
                                std::function<void(result<std::shared_ptr<outlook>>)> done) {
  if (!has_file()) return done(fail(errc::conflict, "this program was started without --config"));
  bool posted = reader_.post([this, overwrite, done] {
    auto declared = std::make_shared<declared_program>(read_());
    loop_.defer(
        [this, overwrite, done, declared] { done(compare(std::move(*declared), overwrite)); });
  });
  if (!posted) done(fail(errc::overloaded, "too many ask for a plan"));
}

std::shared_ptr<configuration_keeper::outlook> configuration_keeper::compare(
    declared_program declared, bool overwrite) const {
  auto o = std::make_shared<outlook>();
  for (auto& m : declared.mistakes) o->errors.push_back(error_row(m));
  for (auto& e : declared.errors) o->errors.push_back(error_row(e));
  json open;  // with what is hidden, for the digest
  if (o->errors.empty()) {
    o->services = make_plan(services_.desired(), declared.services, overwrite);
    for (auto& e : services_.check(o->services)) o->errors.push_back(error_row(e));
    json others = json::array();
    add_rows(others, "group", groups_of(services_.groups()), groups_of(declared.queue.groups));
    add_rows(others, "schedule", schedules_of(running_.queue), schedules_of(declared.queue));
    add_rows(others, "limit", limits_of(running_.queue), limits_of(declared.queue));
    json settings = json::array();
    add_rows(settings, "setting", settings_of(running_.settings), settings_of(declared.settings));
    for (auto& row : settings) row["applies"] = "reexec";
    open = {to_document(o->services, false), others, settings};
    hide_password(settings);
    o->changes = to_document(o->services);
    for (auto* list : {&others, &settings})
      for (auto& row : *list) o->changes.push_back(row);
  }
  o->etag = digest(salt_ + print_json(open) + print_json(o->errors));
  o->declared = std::move(declared);
  return o;
}

promise<json> configuration_keeper::plan(bool overwrite) {
  promise<json> answer;
  look(overwrite, [answer](result<std::shared_ptr<outlook>> o) {
    if (!o)
      answer.set_error(o.error());
    else
      answer.set_value({{"etag", (*o)->etag},
                        {"changes", std::move((*o)->changes)},
                        {"errors", std::move((*o)->errors)}});
  });
  return answer;
}

promise<json> configuration_keeper::apply(std::optional<std::string> etag, bool overwrite,
                                          wait_for w, const principal& by) {
  promise<json> answer;
  look(overwrite, [this, answer, etag, w, by](result<std::shared_ptr<outlook>> o) {
    if (!o) return answer.set_error(o.error()), void();
    auto& found = **o;
    if (!found.errors.empty()) {
      std::string first = found.errors[0]["detail"];
      answer.set_error({errc::invalid_spec,
                        "the configuration has " + std::to_string(found.errors.size()) +
                            " mistakes and is not applied; the first: " + first,
                        found.errors[0]["key"]});
    } else if (etag && *etag != found.etag) {
      answer.set_error({errc::conflict,
                        "the file, or what runs, is not what it was when this plan was made; plan "
                        "again",
                        "/etag"});
    } else {
      carry_out(found, w, by).then([answer](result<json> outcome) {
        answer.set(std::move(outcome));
      });
    }
  });
  return answer;
}

promise<json> configuration_keeper::carry_out(const outlook& o, wait_for w, const principal& by) {
  services_.set_groups(o.declared.queue.groups);
  auto before = running_.queue.limits;
  running_.queue = o.declared.queue;  // the settings stay those of the start
  drop_limits(before);
  json settings = json::array();
  for (auto& row : o.changes)
    if (row["kind"] == "setting") settings.push_back(row["name"]);
  return services_.carry_out(o.services, w, by).transform([log = log_, settings](json outcome) {
    for (auto& row : outcome["changes"])
      log.info("configuration: {} {}: {}{}", row["action"].get<std::string>(),
               row["name"].get<std::string>(), row["outcome"].get<std::string>(),
               row.contains("error") ? ": " + row["error"]["detail"].get<std::string>() : "");
    if (!settings.empty())
      log.info("configuration: {} apply when the manager is executed again", print_json(settings));
    outcome["pending_settings"] = settings;
    return outcome;
  });
}

void configuration_keeper::drop_limits(const std::map<std::string, queue_limits>& before) {
  for (auto& [queue, limits] : before) {
    if (running_.queue.limits.contains(queue)) continue;
    jobs_
        .ask<json>([queue = queue](job_store& store) -> result<json> {
          if (auto ok = store.put_limits(queue, {}); !ok) return tl::unexpected<error>(ok.error());
          return json{};
        })
        .then([log = log_, queue = queue](const result<json>& ok) {
          if (!ok)
            log.error("the limit of the queue {} is not removed: {}", queue, to_string(ok.error()));
        });
  }
}

}  // namespace sm
