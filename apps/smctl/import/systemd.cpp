// A service unit of systemd.
#include <algorithm>

#include "import/foreign.hpp"
#include "import/ini.hpp"
#include "import/systemd_keys.hpp"
#include "text/glob.hpp"

namespace sm::ctl {
namespace {

/// Targets that are there before smd, or that it has in its own unit.
bool is_reached(std::string_view unit) {
  for (auto* target :
       {"network.target", "network-online.target", "syslog.target", "local-fs.target",
        "remote-fs.target", "nss-lookup.target", "nss-user-lookup.target", "time-sync.target",
        "basic.target", "sysinit.target", "shutdown.target", "multi-user.target", "default.target",
        "rsyslog.service", "syslog.socket", "systemd-journald.socket"})
    if (unit == target) return true;
  return false;
}

class unit_reader {
 public:
  unit_reader(const foreign_file& file, imported& into) : file_(file), into_(into) {
    auto name = file.path.substr(file.path.rfind('/') + 1);
    if (name.ends_with(".service")) name.resize(name.size() - 8);
    auto at = name.find('@');
    unit_.names = {name, name.substr(0, at), at == name.npos ? "" : name.substr(at + 1),
                   file.folder};
    // systemd's defaults, where others are ours.
    unit_.spec = {{"name", as_name(name)},
                  {"restart", "never"},
                  {"kill_mode", "group"},
                  {"stop_timeout", "90s"}};
  }

  result<void> read() {
    auto sections = read_unit_file(file_.text, file_.path);
    if (!sections) return tl::unexpected<error>(sections.error());
    for (auto& section : *sections)
      for (auto& e : section.entries)
        if (e.key == "DefaultInstance" && unit_.names.instance.empty()) {
          unit_.names.instance = e.value;
          unit_.spec["name"] = as_name(unit_.names.prefix + "-" + e.value);
        }
    if (unit_.names.name != unit_.spec["name"])
      lose(0, "", "is called " + unit_.spec["name"].get<std::string>() + " here");
    for (auto& section : *sections) {
      // Others ask whether there is one.
      std::stable_partition(section.entries.begin(), section.entries.end(),
                            [](auto& e) { return e.key == "User"; });
      take_section(section);
    }
    return finish();
  }

 private:
  void lose(std::size_t line, std::string key, std::string why) {
    into_.losses.push_back({file_.path, line, std::move(key), std::move(why)});
  }

  void take_section(const ini_section& section) {
    if (section.name.starts_with("X-")) return;  // of others than systemd
    auto rows = unit_keys(section.name);
    if (rows.empty()) return lose(section.line, "[" + section.name + "]", "has no counterpart");
    for (auto e = section.entries.begin(); e != section.entries.end(); ++e) {
      // An empty value takes those before back; of a bounding set it is one by itself.
      bool is_value = e->key == "CapabilityBoundingSet";
      bool taken_back = !is_value && std::any_of(e, section.entries.end(), [&](auto& later) {
        return later.key == e->key && later.value.empty();
      });
      if (!taken_back && !e->key.starts_with("X-")) take(rows, *e);
    }
  }

  void take(std::span<const unit_key> rows, const ini_entry& e) {
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](auto& r) { return glob_match(r.key, e.key); });
    if (row == rows.end()) return lose(e.line, e.key, "has no counterpart");
    if (e.key == "ExecStart") started_ = e.line;
    if (!row->take && !row->why.empty()) lose(e.line, e.key, std::string(row->why));
    if (!row->take) return;
    bool as_it_is = e.key.starts_with("Exec");
    auto value = as_it_is ? result<std::string>(e.value) : with_specifiers(e.value, unit_.names);
    if (!value) return lose(e.line, e.key, value.error().detail);
    auto before = unit_.others.size();
    auto why = checked(unit_.spec, [&](json& spec) {
      std::swap(spec, unit_.spec);
      auto told = row->take(unit_, *value);
      std::swap(spec, unit_.spec);
      return told;
    });
    if (!why.empty()) lose(e.line, e.key, why);
    for (auto* lines : {&unit_.before, &unit_.lines})
      for (auto& line : *lines)
        if (line.line == 0) line.line = e.line;
    for (auto i = before; i < unit_.others.size(); ++i) relate(e, unit_.others[i]);
  }

  void relate(const ini_entry& e, const std::pair<std::string_view, std::string>& to) {
    auto& [relation, other] = to;
    lost otherwise{file_.path, e.line, e.key,
                   other + " is not imported; put it into " + e.key + "= of the unit of smd"};
    auto own = unit_.spec["name"].get<std::string>();
    if (is_reached(other)) return;
    if (!other.ends_with(".service")) return lose(e.line, e.key, otherwise.why);
    auto name = as_name(other.substr(0, other.size() - 8));
    if (relation == "Before")
      into_.dependencies.push_back({name, own, "after", otherwise});
    else
      into_.dependencies.push_back({own, name,
                                    relation == "Requires" ? "requires"
                                    : relation == "After"  ? "after"
                                                           : nullptr,
                                    otherwise});
  }

  result<void> finish() {
    if (unit_.lines.empty()) {
      auto& last = into_.losses;
      auto why = std::find_if(last.rbegin(), last.rend(), [&](auto& l) {
        return l.file == file_.path && l.key == "ExecStart";
      });
      if (why == last.rend())
        return fail(errc::bad_arguments, "there is no ExecStart in it", file_.path);
      why->why += "; the unit is left out";
      return {};
    }
    if (unit_.one_shot)
      lose(started_, "ExecStart",
           "who comes after a Type=oneshot waits for its end there; here for its start");
    if (unit_.lines.size() > 1 && !unit_.one_shot)
      lose(started_, "ExecStart", "all but the last are run to their end before");
    auto known = unit_.variables;
    if (!unit_.variable_files.empty()) known.clear();  // a file may say otherwise
    auto made = compose_command(unit_.before, unit_.lines, known);
    for (auto& loss : made.losses) lose(loss.of->line, std::string(loss.of->key), loss.why);
    unit_.spec["command"] = made.command;
    for (auto& [name, value] : unit_.variables) unit_.spec["env"][name] = value;
    for (auto& path : unit_.variable_files) unit_.spec["env_file"].push_back(path);
    if (unit_.forks && !unit_.spec.contains("pid_file"))
      lose(started_, "Type", "forking without a PIDFile: let it stay in the foreground");
    into_.services.push_back(std::move(unit_.spec));
    return {};
  }

  const foreign_file& file_;
  imported& into_;
  unit unit_;
  std::size_t started_ = 0;
};

}  // namespace

result<void> import_systemd(const foreign_file& file, imported& into) {
  return unit_reader(file, into).read();
}

}  // namespace sm::ctl
