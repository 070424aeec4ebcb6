// supervisord.conf, as supervisord 4.2 reads it.
#include <algorithm>
#include <set>

#include "import/foreign.hpp"
#include "import/ini.hpp"
#include "import/supervisord_text.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm::ctl {
namespace {

constexpr unsigned expanded_max = 64;  // processes of a program that become services of their own

/// What a value becomes; "" or why it does not.
using taker = std::string (*)(json& spec, const std::string& value);

struct key_row {
  std::string_view key;
  taker take = nullptr;
  std::string_view why{};  ///< without a taker: why it is lost; "" for what is so here anyway
  bool text = false;       ///< may hold what is known at a start alone
};

template <class T>
std::string whole(const std::string& value, T most, const std::function<void(T)>& put) {
  auto n = parse_integer<T>(value, 0, most);
  if (!n) return n.error().detail;
  put(*n);
  return {};
}

std::string take_seconds(json& at, const std::string& value) {
  return whole<unsigned>(value, 1'000'000, [&](unsigned n) { at = std::to_string(n) + "s"; });
}

std::string take_size(json& at, const std::string& value) {
  auto text = value;
  if (auto unit = lower(text); unit.ends_with("kb") || unit.ends_with("mb") || unit.ends_with("gb"))
    text = text.substr(0, text.size() - 2) +
           static_cast<char>(std::toupper(static_cast<unsigned char>(text[text.size() - 2])));
  auto size = parse_size(text);
  if (!size) return size.error().detail;
  if (*size == 0) return "a log is always rotated here";
  at = *size;
  return {};
}

std::string take_command(json& spec, const std::string& value) {
  auto words = shell_words(value);
  if (!words) return words.error().detail;
  spec["command"] = *words;
  return {};
}

std::string take_autorestart(json& spec, const std::string& value) {
  spec["restart"] = lower(value) == "unexpected" ? "on-failure"
                    : is_true(value)             ? "always"
                                                 : "never";
  return {};
}

std::string take_exit_codes(json& spec, const std::string& value) {
  auto codes = json::array();
  for (auto& part : parts_of(value, ",")) {
    auto code = parse_integer<int>(part, 0, 255);
    if (!code) return code.error().detail;
    codes.push_back(*code);
  }
  spec["success_exit_codes"] = codes;
  return {};
}

std::string take_variables(json& spec, const std::string& value) {
  auto variables = variables_of(value);
  if (!variables) return variables.error().detail;
  for (auto& [name, text] : *variables) spec["env"][name] = text;
  return {};
}

constexpr std::string_view two_streams =
    "one log has both streams; 'stdout_logfile_maxbytes' and 'stdout_logfile_backups' bound it";
constexpr std::string_view to_events = "see 'smctl logs -f' and 'smctl events -f'";

const key_row program_keys[] = {
    {"command", take_command, {}, true},
    {"directory", [](json& s, auto& v) { return s["directory"] = v, std::string(); }, {}, true},
    {"user", [](json& s, auto& v) { return s["user"] = v, std::string(); }, {}, true},
    {"umask", [](json& s, auto& v) { return s["umask"] = v, std::string(); }},
    {"environment", take_variables, {}, true},
    {"autostart",
     [](json& s, auto& v) {
       if (!is_true(v)) s["autostart"] = false;
       return std::string();
     }},
    {"autorestart", take_autorestart},
    {"exitcodes", take_exit_codes},
    {"startsecs",
     [](json& s, auto& v) {
       if (v == "0") return std::string();
       s["ready"]["kind"] = "delay";
       return take_seconds(s["ready"]["delay"], v);
     }},
    // Starts that fail in a row: each takes up to startsecs, and a pause of 1, 2, 3, ... seconds.
    {"startretries",
     [](json& s, auto& v) {
       return whole<unsigned>(v, 1000, [&](unsigned n) {
         auto seconds = n * (n + 1) / 2 + n + 1;
         s["intensity"] = {{"restarts", n}, {"window", std::to_string(seconds) + "s"}};
         s["backoff"]["min"] = "1s";
       });
     }},
    {"stopsignal", [](json& s, auto& v) { return s["stop_signal"] = v, std::string(); }},
    {"stopwaitsecs", [](json& s, auto& v) { return take_seconds(s["stop_timeout"], v); }},
    {"stopasgroup",
     [](json& s, auto& v) {
       if (is_true(v)) s["kill_mode"] = "group";
       return std::string();
     }},
    {"killasgroup"},      // whole trees end always
    {"redirect_stderr"},  // one log has both streams
    {"stdout_logfile_maxbytes",
     [](json& s, auto& v) { return take_size(s["log"]["max_size"], v); }},
    {"stdout_logfile_backups",
     [](json& s, auto& v) {
       return whole<unsigned>(v, 1000, [&](unsigned n) { s["log"]["keep"] = n; });
     }},
    {"stdout_logfile", nullptr, one_log},
    {"stderr_logfile", nullptr, one_log},
    {"stderr_logfile_maxbytes", nullptr, two_streams},
    {"stderr_logfile_backups", nullptr, two_streams},
    {"stdout_capture_maxbytes", nullptr, to_events},
    {"stderr_capture_maxbytes", nullptr, to_events},
    {"stdout_events_enabled", nullptr, to_events},
    {"stderr_events_enabled", nullptr, to_events},
    {"stdout_syslog", nullptr, "nothing goes to syslog"},
    {"stderr_syslog", nullptr, "nothing goes to syslog"},
    {"serverurl", nullptr, "smctl finds the manager by itself, or by SM_SERVER"},
    // -- what the reader of programs looks at itself
    {"process_name"},
    {"numprocs"},
    {"numprocs_start"},
    {"priority"},
};

/// Of the daemon's own sections: what a key is here, or that it is so here anyway.
struct daemon_row {
  std::string_view section, key, why;
};
constexpr daemon_row daemon_keys[] = {
    {"supervisord", "environment", ""},  // of each program, see below
    {"supervisord", "nodaemon", ""},
    {"supervisord", "pidfile", ""},
    {"supervisord", "nocleanup", ""},
    {"supervisord", "identifier", ""},
    {"supervisord", "silent", ""},
    {"supervisord", "logfile", "smd writes to stderr: send that where it shall go"},
    {"supervisord", "logfile_*", "smd writes to stderr: send that where it shall go"},
    {"supervisord", "loglevel", "it is 'log_level' in [manager]: debug, info, warn or error"},
    {"supervisord", "childlogdir", "what a service prints is in its log, see 'smctl logs'"},
    {"supervisord", "strip_ansi", "logs have what was printed; 'smctl logs' shows it harmlessly"},
    {"supervisord", "user", "smd is started as the user it shall be"},
    {"supervisord", "umask", "give it to each service: 'umask'"},
    {"supervisord", "directory", "start smd there, or give it to each service: 'directory'"},
    {"supervisord", "minfds", "it is LimitNOFILE= of smd's unit, or 'rlimits' of a service"},
    {"supervisord", "minprocs", "it is LimitNPROC= of smd's unit, or 'rlimits' of a service"},
    {"unix_http_server", "file", ""},
    {"unix_http_server", "chmod", ""},
    {"unix_http_server", "*", "who may use the socket is who may enter the state folder"},
    {"inet_http_server", "port", "it is 'listen' in [http], on loopback unless it is allowed"},
    {"inet_http_server", "*", "over TCP a token is asked for, see docs/http.md"},
    {"supervisorctl", "*", ""},
    {"rpcinterface:supervisor", "*", ""},
    {"rpcinterface:*", "*", "there are no plug-ins; the API is docs/http.md"},
    {"eventlistener:*", "", "has no counterpart: follow 'smctl events -f', or /v1/events"},
    {"fcgi-program:*", "",
     "has no counterpart as it is: a program gets 'sockets' from descriptor 3 on, not as 0"},
    {"include", "files", "is not followed: name these files on the command line, too"},
    {"group:*", "programs", ""},
    {"group:*", "priority", "order is that of 'after' and 'requires'"},
};

struct program {
  const ini_section* section;
  std::string name, group;
  std::int64_t priority = 999;
  std::vector<std::string> services{};
  const ini_entry* entry(std::string_view key) const {
    for (auto& e : section->entries)
      if (e.key == key) return &e;
    return nullptr;
  }
};

class supervisord_reader {
 public:
  supervisord_reader(const foreign_file& file, imported& into) : file_(file), into_(into) {}

  result<void> read() {
    auto sections = read_python_ini(file_.text, file_.path);
    if (!sections) return tl::unexpected<error>(sections.error());
    for (auto& section : *sections) {
      if (section.name == "supervisord")
        for (auto& e : section.entries)
          if (e.key == "environment") environment_ = &e;
      if (section.name.starts_with("program:"))
        programs_.push_back({&section, std::string(trimmed(section.name.substr(8))), ""});
    }
    for (auto& section : *sections)
      if (!section.name.starts_with("program:")) take_section(section);
    for (auto& p : programs_) take_program(p);
    order_by_priority();
    if (programs_.empty() && into_.losses.empty())
      return fail(errc::bad_arguments, "there is no [program:NAME] in it", file_.path);
    return {};
  }

 private:
  void lose(std::size_t line, const std::string& key, const std::string& why) {
    // Of processes that became services of their own it is said once.
    bool known = std::any_of(into_.losses.begin(), into_.losses.end(), [&](auto& l) {
      return l.file == file_.path && l.line == line && l.key == key && l.why == why;
    });
    if (!known) into_.losses.push_back({file_.path, line, key, why});
  }

  void take_section(const ini_section& section) {
    if (section.name.starts_with("group:")) {
      for (auto& e : section.entries)
        if (e.key == "programs")
          for (auto& name : parts_of(e.value, ",")) take_member(section, e, name);
    }
    auto is_of = [&](const daemon_row& row) {
      return row.section.ends_with('*')
                 ? section.name.starts_with(row.section.substr(0, row.section.size() - 1))
                 : section.name == row.section;
    };
    auto of_section = std::find_if(std::begin(daemon_keys), std::end(daemon_keys), is_of);
    if (of_section == std::end(daemon_keys) || of_section->key.empty())
      return lose(section.line, "[" + section.name + "]",
                  of_section == std::end(daemon_keys) ? "has no counterpart"
                                                      : std::string(of_section->why));
    for (auto& e : section.entries) {
      auto row = std::find_if(std::begin(daemon_keys), std::end(daemon_keys), [&](auto& r) {
        bool any = r.key.ends_with('*');
        return is_of(r) &&
               (any ? e.key.starts_with(r.key.substr(0, r.key.size() - 1)) : e.key == r.key);
      });
      if (row == std::end(daemon_keys))
        lose(e.line, e.key, "has no counterpart");
      else if (!row->why.empty())
        lose(e.line, e.key, std::string(row->why));
    }
  }

  void take_member(const ini_section& group, const ini_entry& e, const std::string& name) {
    auto member =
        std::find_if(programs_.begin(), programs_.end(), [&](auto& p) { return p.name == name; });
    if (member == programs_.end())
      lose(e.line, "programs", "there is no [program:" + name + "] in this file");
    else
      member->group = trimmed(group.name.substr(6));
  }

  unsigned number_of(const program& p, std::string_view key, unsigned otherwise, unsigned most) {
    auto* e = p.entry(key);
    if (!e) return otherwise;
    auto n = parse_integer<unsigned>(e->value, 0, most);
    if (!n) lose(e->line, e->key, n.error().detail);
    return n ? *n : otherwise;
  }

  void take_program(program& p) {
    auto count = number_of(p, "numprocs", 1, 1000);
    auto first = number_of(p, "numprocs_start", 0, 1'000'000);
    if (auto* e = p.entry("priority")) {
      if (auto n = parse_integer<std::int64_t>(e->value, -1'000'000, 1'000'000))
        p.priority = *n;
      else
        lose(e->line, e->key, n.error().detail);
    }
    program_names names{p.name, p.group.empty() ? p.name : p.group, file_.folder,
                        std::to_string(count)};
    // An instance's number begins with 0 and is put into commands and variables as it is; where
    // that is another one, each process is a service.
    bool separate = false;
    for (auto& e : p.section->entries) {
      bool name_alone = e.key == "process_name" || e.key.find("logfile") != e.key.npos;
      bool takes_instance = e.key == "command" || e.key == "environment";
      separate =
          separate || (!name_alone && has_process_num(e.value) &&
                       (first != 0 || !takes_instance || has_formatted_process_num(e.value)));
    }
    separate = separate && count > 1;
    if (separate && count > expanded_max)
      return lose(p.section->line, "[" + p.section->name + "]",
                  "more than " + std::to_string(expanded_max) +
                      " processes that differ by more than a number from 0 on");
    if (!separate) {
      if (count == 1) names.process_num = first;
      return add_service(p, names, p.name, count);
    }
    if (p.group.empty()) p.group = p.name;
    for (unsigned i = 0; i < count; ++i) {
      names.process_num = first + i;
      auto* e = p.entry("process_name");
      auto called = e ? expanded(e->value, names) : result<std::string>(std::string());
      auto name = called && !called->empty() ? *called : p.name + "-" + std::to_string(first + i);
      if (name.find(p.name) == name.npos) name = p.name + "-" + name;
      add_service(p, names, name, 1);
    }
  }

  void add_service(program& p, const program_names& names, const std::string& called,
                   unsigned count) {
    json spec{{"name", as_name(called)}, {"restart", "on-failure"}};  // supervisord's default
    if (spec["name"] != called)
      lose(p.section->line, "[" + p.section->name + "]",
           "is called " + spec["name"].get<std::string>() + " here");
    if (count != 1) spec["instances"] = count;
    if (!p.group.empty()) spec["group"] = as_name(p.group);
    static const key_row of_daemon{"environment", take_variables, {}, true};
    if (environment_) take(spec, *environment_, names, of_daemon);
    for (auto& e : p.section->entries) {
      auto row = std::find_if(std::begin(program_keys), std::end(program_keys),
                              [&](auto& r) { return r.key == e.key; });
      if (row == std::end(program_keys))
        lose(e.line, e.key, "has no counterpart");
      else if (row->take)
        take(spec, e, names, *row);
      else if (!row->why.empty())
        lose(e.line, e.key, std::string(row->why));
    }
    if (spec.value("command", json::array()).empty())
      return lose(p.section->line, "[" + p.section->name + "]", "has no command that can be run");
    p.services.push_back(spec["name"]);
    into_.services.push_back(std::move(spec));
  }

  void take(json& spec, const ini_entry& e, const program_names& names, const key_row& row) {
    auto value = expanded(e.value, names);
    if (!value) return lose(e.line, e.key, value.error().detail);
    if (!row.text && value->find(variable_begin) != value->npos)
      return lose(e.line, e.key, "takes no variable here: write its value");
    auto why = checked(spec, [&](json& s) { return row.take(s, *value); });
    if (!why.empty()) lose(e.line, e.key, why);
  }

  /// Who has the next lower priority starts before.
  void order_by_priority() {
    std::set<std::int64_t> steps;
    for (auto& p : programs_)
      if (!p.services.empty()) steps.insert(p.priority);
    for (auto& p : programs_) {
      auto step = steps.find(p.priority);
      if (step == steps.begin() || step == steps.end()) continue;
      auto before = *std::prev(step);
      for (auto& other : programs_) {
        if (other.priority != before) continue;
        for (auto& service : p.services)
          for (auto& on : other.services)
            into_.dependencies.push_back(
                {service, on, "after", {file_.path, p.section->line, "priority", on + " is lost"}});
      }
    }
  }

  const foreign_file& file_;
  imported& into_;
  const ini_entry* environment_ = nullptr;
  std::vector<program> programs_;
};

}  // namespace

result<void> import_supervisord(const foreign_file& file, imported& into) {
  return supervisord_reader(file, into).read();
}

}  // namespace sm::ctl
