#include "import/import.hpp"

#include <algorithm>
#include <array>
#include <sm/service_spec.hpp>

#include "import/foreign.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

using reader = result<void> (*)(const foreign_file&, imported&);

struct kind_row {
  foreign_kind kind;
  std::string_view name;
  reader read;
};
constexpr std::array kinds{kind_row{foreign_kind::supervisord, "supervisord", import_supervisord},
                           kind_row{foreign_kind::procfile, "procfile", import_procfile},
                           kind_row{foreign_kind::pm2, "pm2", import_pm2},
                           kind_row{foreign_kind::systemd, "systemd", import_systemd}};

bool is_ecosystem_program(std::string_view file) {
  for (auto* ending : {".js", ".cjs", ".mjs", ".ts"})
    if (file.ends_with(ending)) return true;
  return false;
}

/// The specification as its reader takes it, for what nobody filled in yet as well.
json as_read(json spec) {
  drop_empty(spec);
  spec.erase("about");
  std::function<void(json&)> fill_in = [&](json& value) {
    if (value.is_structured())
      for (auto& inner : value) fill_in(inner);
    else if (value.is_string())
      value = with_stand_ins(value.get_ref<const std::string&>());
  };
  fill_in(spec);
  if (!spec.contains("command")) spec["command"] = {"x"};
  if (!spec.contains("name")) spec["name"] = "x";
  if (spec.value("instances", json()) == "cores") spec["instances"] = 1;
  // A path may begin at the configuration's folder.
  if (auto files = spec.find("env_file"); files != spec.end())
    for (auto& file : *files) file = "/x";
  return spec;
}

std::string why_refused(const json& spec) {
  auto read = spec_from_json(as_read(spec));
  return read ? std::string() : read.error().detail;
}

}  // namespace

std::span<const std::string_view> foreign_kinds() {
  static const auto names = [] {
    std::array<std::string_view, kinds.size()> all;
    std::transform(kinds.begin(), kinds.end(), all.begin(), [](auto& row) { return row.name; });
    return all;
  }();
  return names;
}

foreign_kind kind_called(std::string_view name) {
  return std::find_if(kinds.begin(), kinds.end(), [&](auto& row) { return row.name == name; })
      ->kind;
}

std::string to_string(const lost& loss) {
  auto text = loss.file;
  if (loss.line > 0) text += ":" + std::to_string(loss.line);
  return text + ": " + (loss.key.empty() ? "" : loss.key + ": ") + loss.why;
}

result<foreign_kind> kind_of_file(const std::string& path, std::string_view text) {
  auto file = std::string_view(path).substr(path.rfind('/') + 1);
  if (file.starts_with("Procfile") || file.ends_with(".Procfile")) return foreign_kind::procfile;
  if (file.ends_with(".service")) return foreign_kind::systemd;
  if (is_ecosystem_program(file))
    return fail(errc::bad_arguments,
                "is a program, which only node can run; make JSON of it: node -p "
                "'JSON.stringify(require(\"" +
                    std::string(path.starts_with('/') ? "" : "./") + path +
                    "\"), null, 2)' > ecosystem.json",
                path);
  if (file.ends_with(".json")) return foreign_kind::pm2;
  auto has = [&](std::string_view section) {
    return text.starts_with(section) || text.find("\n" + std::string(section)) != text.npos;
  };
  if (has("[program:") || has("[supervisord]")) return foreign_kind::supervisord;
  if (has("[Service]") || has("[Unit]")) return foreign_kind::systemd;
  return fail(errc::bad_arguments,
              "is none by its name or content of: supervisord.conf, Procfile, ecosystem.json of "
              "pm2, NAME.service of systemd; say which with --from",
              path);
}

result<void> import_file(foreign_kind kind, const foreign_file& file, imported& into) {
  if (auto ok = check_text(file.text, file_max); !ok)
    return fail(errc::bad_arguments,
                file.text.size() > file_max ? ok.error().detail : "is no text in UTF-8", file.path);
  if (file.text.find(variable_begin) != file.text.npos ||
      file.text.find(variable_end) != file.text.npos)
    return fail(errc::bad_arguments, "has control characters in it", file.path);
  return std::find_if(kinds.begin(), kinds.end(), [&](auto& row) { return row.kind == kind; })
      ->read(file, into);
}

std::string checked(json& spec, const std::function<std::string(json&)>& take) {
  auto changed = spec;
  auto why = take(changed);
  if (auto refused = why_refused(changed); !refused.empty())
    return why.empty() ? refused : why + "; " + refused;
  spec = std::move(changed);
  return why;
}

void drop_empty(json& document) {
  if (!document.is_object()) return;
  for (auto field = document.begin(); field != document.end();) {
    drop_empty(*field);
    bool nothing = field->is_null() || (field->is_structured() && field->empty());
    field = nothing ? document.erase(field) : std::next(field);
  }
}

void settle(imported& all) {
  std::vector<std::string> names;
  auto is_there = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::erase_if(all.services, [&](json& spec) {
    drop_empty(spec);
    auto name = spec.value("name", "");
    auto why = is_there(name)              ? "is there twice; the first one is taken"
               : !spec.contains("command") ? "has no command that can be run"
                                           : why_refused(spec);
    if (why.empty())
      names.push_back(name);
    else
      all.losses.push_back({name, 0, "", why});
    return !why.empty();
  });
  for (auto& wanted : all.dependencies) {
    auto service = std::find_if(all.services.begin(), all.services.end(),
                                [&](auto& s) { return s["name"] == wanted.service; });
    if (service == all.services.end()) {
      all.losses.push_back(wanted.otherwise);
      continue;
    }
    if (!is_there(wanted.on)) {
      all.losses.push_back(wanted.otherwise);
      continue;
    }
    if (!wanted.field || wanted.on == wanted.service) continue;
    auto& list = (*service)[wanted.field];
    if (std::find(list.begin(), list.end(), wanted.on) == list.end()) list.push_back(wanted.on);
  }
  // What is required starts behind it anyway.
  for (auto& spec : all.services) {
    if (!spec.contains("requires") || !spec.contains("after")) continue;
    auto rest = json::array();
    for (auto& name : spec["after"])
      if (std::find(spec["requires"].begin(), spec["requires"].end(), name) ==
          spec["requires"].end())
        rest.push_back(name);
    spec["after"] = rest;
    drop_empty(spec);
  }
  std::stable_sort(all.losses.begin(), all.losses.end(),
                   [](auto& a, auto& b) { return a.file == b.file && a.line < b.line; });
}

}  // namespace sm::ctl
