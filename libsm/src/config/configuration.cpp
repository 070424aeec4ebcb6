#include "config/configuration.hpp"

#include <algorithm>
#include <optional>

#include "config/setting_rows.hpp"
#include "http/body_fields.hpp"
#include "queue/consumer/consumer_declaration.hpp"
#include "queue/job_request.hpp"
#include "queue/payload.hpp"
#include "queue/schedule.hpp"
#include "service/dependency_graph.hpp"
#include "service/group_spec.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::size_t mistakes_per_section = 32;

/// Takes what `pointer` names out of the document; of an element the whole list, for those behind
/// it would move up. False when it is not there.
bool take_out(json& document, const std::string& pointer) {
  try {
    json::json_pointer at(pointer);
    if (at.empty() || !document.contains(at)) return false;
    while (!at.parent_pointer().empty() && document.at(at.parent_pointer()).is_array())
      at = at.parent_pointer();
    document.at(at.parent_pointer()).erase(at.back());
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

class section_reader {
 public:
  section_reader(configuration& out, const config_surroundings& around, const declarations& code)
      : out_(out), around_(around), code_(code) {}

  void read() {
    out_.wanted = code_;
    auto document = out_.source.document;  // sections are looked for by name
    for (auto& section : document.items()) read_section(section.key(), section.value());
    check_order();
  }

 private:
  /// A name in a section, such as "web" of [service.web].
  using read_named = void (section_reader::*)(const std::string& name, json body);

  void read_section(const std::string& name, const json& body) {
    static const std::map<std::string, read_named, std::less<>> named{
        {"service", &section_reader::read_service},
        {"consumer", &section_reader::read_consumer},
        {"schedule", &section_reader::read_schedule},
        {"limit", &section_reader::read_limit},
        {"group", &section_reader::read_group}};
    auto at = pointer_to(name);
    auto settings = setting_sections();
    bool of_settings = std::find(settings.begin(), settings.end(), name) != settings.end();
    auto reader = named.find(name);
    if (!of_settings && reader == named.end()) {
      std::vector<std::string_view> known(settings.begin(), settings.end());
      for (auto& entry : named) known.push_back(entry.first);
      known.push_back("include");
      return out_.refuse(at, "unknown section" + instead_of(name, known));
    }
    if (!body.is_object()) return out_.refuse(at, "must be a table: [" + name + "]");
    if (of_settings) return read_settings(name, body);
    for (auto& entry : body.items()) {
      if (entry.value().is_object())
        (this->*reader->second)(entry.key(), entry.value());
      else
        out_.refuse(at + pointer_to(entry.key()),
                    "must be in a table with a name: [" + name + ".NAME]");
    }
  }

  void read_settings(const std::string& section, const json& body) {
    if (section == "queue") out_.queue_section = true;
    for (auto& entry : body.items()) {
      auto at = pointer_to(section) + pointer_to(entry.key());
      auto key = section + "." + entry.key();
      auto text = setting_text(key, entry.value());
      config scratch;
      auto ok = text ? set_config_value(scratch, key, *text)
                     : result<void>(tl::unexpected<error>(text.error()));
      if (ok)
        out_.settings.emplace_back(key, *text);
      else
        out_.refuse(at, ok.error().detail);
    }
  }

  /// Reads again and again, each time without what the mistake before was about, so that all are
  /// found.
  template <class Read>
  auto read_all(const std::string& at, json body, Read read)
      -> std::optional<typename decltype(read(body))::value_type> {
    bool mistaken = false;
    for (std::size_t n = 0; n < mistakes_per_section; ++n) {
      auto value = read(body);
      if (value && mistaken) return std::nullopt;
      if (value) return std::move(*value);
      auto& e = value.error();
      if (e.where == "/command" && body["command"].is_string()) {
        // It is plain what was meant, and the other fields are those of a program.
        out_.refuse(at + e.where, e.detail);
        body["command"] = json::array({body["command"]});
        mistaken = true;
        continue;
      }
      bool there = take_out(body, e.where);
      // What is missing now may be what was taken out.
      if (there || !mistaken)
        out_.refuse(at + e.where, e.detail == "must be an object" ? "must be a table" : e.detail);
      mistaken = true;
      // Without it, it is unknown which fields there may be.
      bool decides = e.where.starts_with("/command") || e.where.starts_with("/type");
      if (!there || decides) break;
    }
    return std::nullopt;
  }

  /// The name stands in the section's head; "cores" is a number.
  void prepare(const std::string& at, json& body) {
    if (body.contains("name")) {
      out_.refuse(at + "/name", "the name is that of the section");
      body.erase("name");
    }
    if (auto n = body.find("instances"); n != body.end() && *n == "cores") *n = around_.cores;
  }

  template <class T>
  static T* find(std::vector<T>& all, const std::string& name) {
    auto found = std::find_if(all.begin(), all.end(), [&](auto& x) { return x.name == name; });
    return found == all.end() ? nullptr : &*found;
  }
  template <class T>
  static void put(std::vector<T>& all, T value) {
    if (auto* present = find(all, value.name))
      *present = std::move(value);
    else
      all.push_back(std::move(value));
  }

  void read_service(const std::string& name, json body) {
    auto at = "/service" + pointer_to(name);
    prepare(at, body);
    service_spec base{.name = name};
    if (auto* present = find(out_.wanted.services, name)) base = *present;
    auto spec = read_all(at, body, [&](const json& b) { return spec_from_json(b, base); });
    if (!spec) return;
    check_probe(at + "/ready", body, "ready", spec->ready.kind);
    check_probe(at + "/health", body, "health", spec->health.kind);
    put(out_.wanted.services, std::move(*spec));
    out_.services_of_file.push_back(name);
  }

  /// What names a target and no way to ask there would be ignored.
  void check_probe(const std::string& at, const json& body, const char* field,
                   const std::string& kind) {
    auto probe = body.find(field);
    if (probe != body.end() && probe->contains("target") && kind != "tcp" && kind != "http")
      out_.refuse(at + "/target", "needs kind = \"tcp\" or \"http\" beside it");
  }

  void read_consumer(const std::string& name, json body) {
    auto at = "/consumer" + pointer_to(name);
    prepare(at, body);
    consumer_spec base{.name = name};
    if (auto* present = find(out_.wanted.consumers, name)) base = *present;
    auto spec = read_all(at, body, [&](const json& b) { return consumer_from_json(b, base); });
    if (!spec) return;
    auto service = to_service(*spec);
    if (auto ok = check_name(service.name); !ok) return out_.refuse(at, ok.error().detail);
    put(out_.wanted.consumers, std::move(*spec));
    out_.services_of_file.push_back(service.name);
  }

  void read_schedule(const std::string& name, json body) {
    auto at = "/schedule" + pointer_to(name);
    prepare(at, body);
    auto spec = read_all(at, body, [&](json b) {
      b["name"] = name;
      return schedule_from_json(b);
    });
    if (spec) put(out_.wanted.schedules, std::move(*spec));
  }

  void read_limit(const std::string& queue, json body) {
    auto at = "/limit" + pointer_to(queue);
    if (!valid_queue_name(queue)) return out_.refuse(at, no_queue_name(queue));
    auto limits = read_all(at, std::move(body), [&](const json& b) -> result<queue_limits> {
      try {
        return read_limits(b, {});
      } catch (const failure& e) {
        return tl::unexpected<error>(e.reason());
      }
    });
    if (limits) out_.wanted.limits[queue] = *limits;
  }

  void read_group(const std::string& name, json body) {
    auto at = "/group" + pointer_to(name);
    prepare(at, body);
    group_spec base{.name = name};
    if (auto* present = find(out_.wanted.groups, name)) base = *present;
    auto spec = read_all(at, body, [&](const json& b) { return group_from_json(b, base); });
    if (spec) put(out_.wanted.groups, std::move(*spec));
  }

  /// Services that wait for each other in a circle.
  void check_order() {
    dependency_graph order;
    for (auto& spec : out_.wanted.services)
      if (auto ok = order.put(spec); !ok) {
        auto at = "/service" + pointer_to(spec.name);
        auto after = out_.source.places.contains(at + "/requires") ? "/requires" : "/after";
        out_.refuse(at + after, ok.error().detail);
      }
  }

  configuration& out_;
  const config_surroundings& around_;
  const declarations& code_;
};

}  // namespace

void configuration::refuse(const std::string& pointer, std::string why) {
  auto where = source.place_of(pointer);
  auto key = key_of_pointer(pointer);
  // What has no value, because of the mistake before, is not of another kind as well.
  bool known = std::any_of(mistakes.begin(), mistakes.end(),
                           [&](auto& m) { return m.where == where && m.key == key; });
  if (!known) mistakes.push_back({std::move(where), std::move(key), std::move(why)});
}

void configuration::sort_mistakes() {
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](auto& a, auto& b) { return a.where < b.where; });
}

configuration read_configuration(const std::filesystem::path& file,
                                 const config_surroundings& around, const declarations& code) {
  configuration out;
  out.source = read_config_file(file, around, out.mistakes);
  section_reader(out, around, code).read();
  out.sort_mistakes();
  return out;
}

std::string describe(const std::vector<config_mistake>& mistakes) {
  std::string text;
  for (auto& m : mistakes) text += "error: " + to_string(m) + "\n";
  return text;
}

}  // namespace sm
