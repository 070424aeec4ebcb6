// An ecosystem of pm2, as JSON. What its fields mean is pm2 7's.
#include <algorithm>

#include "import/foreign.hpp"
#include "import/pm2_json.hpp"
#include "import/pm2_keys.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

struct interpreter_row {
  std::string_view ending, program;
  std::string_view why{};  ///< it may be another one
};
constexpr interpreter_row interpreters[] = {
    {".js", "node"},
    {".cjs", "node"},
    {".mjs", "node"},
    {".sh", "bash"},
    {".py", "python3"},
    {".rb", "ruby"},
    {".pl", "perl"},
    {".php", "php"},
    {".ts", "node", "is run by node; pm2 runs bun where that is installed"},
    {".tsx", "node", "is run by node; pm2 runs bun where that is installed"},
    {".coffee", "coffee"},
    {".ls", "lsc"}};

/// pm2 splits a text of arguments at blanks, but for quotes, which stay where a name and '=' are in
/// front of them (7.0: --a="b c" is one argument with its quotes).
std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> all;
  while (!(text = trimmed(text)).empty()) {
    auto quote = text.find_first_of("\"'");
    auto blank = std::min(text.find_first_of(" \t\n"), text.size());
    auto close = quote == text.npos ? text.npos : text.find(text[quote], quote + 1);
    bool in_front = quote != text.npos && quote > 0 && text[quote - 1] == '=' && quote < blank;
    if (quote == 0 && close != text.npos) {
      all.emplace_back(text.substr(1, close - 1));
      text.remove_prefix(close + 1);
    } else if (in_front && close != text.npos) {
      all.emplace_back(text.substr(0, close + 1));
      text.remove_prefix(close + 1);
    } else {
      all.emplace_back(text.substr(0, blank));
      text.remove_prefix(blank);
    }
  }
  return all;
}

result<std::vector<std::string>> words_in(const json& app, const char* name) {
  auto field = app.find(name);
  if (field == app.end() || field->is_null()) return std::vector<std::string>{};
  if (field->is_string()) return split_arguments(field->get_ref<const std::string&>());
  std::vector<std::string> all;
  if (!field->is_array()) return fail(errc::bad_arguments, "is neither text nor list", name);
  for (auto& word : *field) all.push_back(text_of(word));
  return all;
}

/// Escaped in the text, and so not seen there.
bool has_marks(const json& value) {
  if (value.is_string())
    return value.get_ref<const std::string&>().find_first_of(
               std::string{variable_begin, variable_end}) != std::string::npos;
  if (!value.is_structured()) return false;
  return std::any_of(value.begin(), value.end(), [](auto& inner) { return has_marks(inner); });
}

class ecosystem_reader {
 public:
  ecosystem_reader(const foreign_file& file, imported& into) : file_(file), into_(into) {}

  result<void> read() {
    auto text = plain_json(file_.text);
    auto document = parse_json(text);
    if (!document || document->is_null())
      return fail(errc::bad_arguments,
                  "is no JSON" + (document ? "" : ": " + document.error().detail) +
                      "; where it is JavaScript, make JSON of it: node -p "
                      "'JSON.stringify(eval(\"(\" + require(\"fs\").readFileSync(\"" +
                      file_.path + "\") + \")\"), null, 2)'",
                  file_.path);
    if (has_marks(*document))
      return fail(errc::bad_arguments, "has control characters in it", file_.path);
    lines_ = lines_of_json(text);
    bool holds = document->is_object() && document->contains("apps");
    std::string at = holds ? "/apps" : "";
    auto& apps = holds ? (*document)["apps"] : *document;
    if (holds)
      for (auto& [name, value] : document->items())
        if (name != "apps") lose("/" + name, name, "has no counterpart");
    if (apps.is_object()) return take_app(apps, at);
    if (!apps.is_array() || apps.empty())
      return fail(errc::bad_arguments, "there are no apps in it", place(at));
    for (std::size_t i = 0; i < apps.size(); ++i)
      if (auto ok = take_app(apps[i], at + "/" + std::to_string(i)); !ok) return ok;
    return {};
  }

 private:
  std::size_t line_of(const std::string& pointer) const {
    auto found = lines_.find(pointer);
    return found == lines_.end() ? 0 : found->second;
  }
  std::string place(const std::string& pointer) const {
    auto line = line_of(pointer);
    return file_.path + (line == 0 ? "" : ":" + std::to_string(line));
  }
  void lose(const std::string& pointer, std::string key, std::string why) {
    into_.losses.push_back({file_.path, line_of(pointer), std::move(key), std::move(why)});
  }

  /// Of a field, under the name that the file has for it.
  void lose_key(const std::string& at, const std::string& key, const std::string& why) {
    auto found = given_.find(key);
    auto name = found == given_.end() ? key : found->second;
    lose(at + pointer_to(name), name, why);
  }

  std::string environment_key() const {
    return file_.environment.empty() ? "" : "env_" + file_.environment;
  }

  result<void> take_app(const json& given, const std::string& at) {
    if (!given.is_object()) return fail(errc::bad_arguments, "an app is an object", place(at));
    given_.clear();
    json app = json::object();
    for (auto& [name, value] : given.items())
      if (auto key = app_key_of(name); !app.contains(key) || key == name) {
        app[key] = value;
        given_[key] = name;
      }
    if (auto more = app.find(environment_key()); more != app.end() && more->is_object()) {
      if (!app.value("env", json()).is_object()) app["env"] = json::object();
      app["env"].update(*more);
    }
    auto script = app.value("script", json());
    if (!script.is_string()) return fail(errc::bad_arguments, "an app needs a 'script'", place(at));
    auto path = script.get<std::string>();
    auto file = path.substr(path.rfind('/') + 1);
    auto dot = file.rfind('.');
    auto called =
        app.contains("name") ? text_of(app["name"]) : file.substr(0, dot == 0 ? file.npos : dot);
    app_reading a{app, {{"name", as_name(called)}}};
    if (a.spec["name"] != called)
      lose(at + "/name", "name", "is called " + text_of(a.spec["name"]) + " here");
    auto folder = app.value("cwd", json());
    a.spec["directory"] = !folder.is_string() ? file_.folder
                          : folder.get<std::string>().starts_with('/')
                              ? folder.get<std::string>()
                              : file_.folder + "/" + folder.get<std::string>();
    // pm2 stops the whole tree, by SIGINT.
    a.spec["stop_signal"] = "INT";
    a.spec["kill_mode"] = "group";
    auto command = command_of(app, path, at);
    if (!command) return fail(errc::bad_arguments, command.error().detail, place(at));
    a.spec["command"] = *command;
    take_fields(a, at);
    if (a.instances > 1 && !app.contains("instance_var"))
      a.spec["env"]["NODE_APP_INSTANCE"] = variable("SM_INSTANCE_NUMBER");
    into_.services.push_back(std::move(a.spec));
    return {};
  }

  void take_fields(app_reading& a, const std::string& at) {
    for (auto& row : app_keys()) {
      auto value = a.app.find(row.key);
      if (value == a.app.end() || value->is_null()) continue;
      auto why = std::string(row.why);
      if (row.take) why = take(a, row.take, *value);
      if (!why.empty()) lose_key(at, std::string(row.key), why);
    }
    for (auto& [name, value] : a.app.items()) {
      if (std::any_of(app_keys().begin(), app_keys().end(),
                      [&, &key = name](auto& row) { return row.key == key; }))
        continue;
      if (name == environment_key()) continue;
      lose_key(at, name,
               name.starts_with("env_") ? "is another environment: --env " + name.substr(4)
                                        : "has no counterpart");
    }
  }

  static std::string take(app_reading& a, app_taker of, const json& value) {
    return checked(a.spec, [&](json& spec) {
      std::swap(spec, a.spec);
      auto why = of(a, value);
      std::swap(spec, a.spec);
      return why;
    });
  }

  result<json> command_of(const json& app, const std::string& script, const std::string& at) {
    std::vector<std::string> command;
    auto given = app.value("exec_interpreter", json());
    auto interpreter = given.is_string() ? given.get<std::string>() : interpreter_of(script, at);
    if (interpreter != "none" && !interpreter.empty()) command.push_back(interpreter);
    bool has_interpreter = !command.empty();
    auto before = words_in(app, "node_args");
    if (!before) return tl::unexpected<error>(before.error());
    if (has_interpreter) command.insert(command.end(), before->begin(), before->end());
    command.push_back(script);
    auto words = words_in(app, "args");
    if (!words) return tl::unexpected<error>(words.error());
    command.insert(command.end(), words->begin(), words->end());
    return json(command);
  }

  /// By the ending; else pm2 runs node for what is no binary, whatever its first line says.
  std::string interpreter_of(const std::string& script, const std::string& at) {
    for (auto& row : interpreters)
      if (script.ends_with(row.ending)) {
        if (!row.why.empty()) lose_key(at, "script", std::string(row.why));
        return std::string(row.program);
      }
    if (script.find('/') == script.npos) return {};  // found in PATH, where npm and its like are
    auto text = file_.look(script.starts_with('/') ? script : file_.folder + "/" + script);
    if (!text || text->starts_with("\x7f"
                                   "ELF"))
      return {};
    auto first = text->substr(0, text->find('\n'));
    if (first.starts_with("#!") && first.find("node") == first.npos) {
      lose_key(at, "script", "is run by its first line, " + first + "; pm2 runs node");
      return {};
    }
    return first.starts_with("#!") ? "" : "node";
  }

  const foreign_file& file_;
  imported& into_;
  std::map<std::string, std::size_t> lines_{};
  std::map<std::string, std::string> given_{};  ///< names of an app's fields in the file
};

}  // namespace

result<void> import_pm2(const foreign_file& file, imported& into) {
  return ecosystem_reader(file, into).read();
}

}  // namespace sm::ctl
