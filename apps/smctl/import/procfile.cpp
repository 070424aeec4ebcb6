// Procfiles, as foreman and honcho run them.
#include <algorithm>
#include <cctype>
#include <map>

#include "import/foreign.hpp"
#include "process/env_file.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

// foreman's and honcho's: 5000 for the first line, 100 more for each that follows.
constexpr unsigned port_first = 5000, port_step = 100;

bool is_process_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

/// "$PORT_ADMIN" is another variable to a shell. foreman 0.87 puts the port in there, too, before
/// the shell sees it.
bool names_more_than_port(std::string_view command) {
  for (auto at = command.find("$PORT"); at != command.npos; at = command.find("$PORT", at + 1)) {
    auto next = at + 5 < command.size() ? static_cast<unsigned char>(command[at + 5]) : ' ';
    if (std::isalnum(next) != 0 || next == '_') return true;
  }
  return false;
}

/// As foreman 0.87 reads a .env: a line that is no assignment is passed over, quotes count around
/// the whole value alone.
std::map<std::string, std::string> foreman_variables(std::string_view text) {
  std::map<std::string, std::string> all;
  for (auto& raw : parts_of(text, "\n")) {
    auto equals = raw.find('=');
    auto name = raw.substr(0, equals);
    if (equals == raw.npos || !is_process_name(name) || name.find('-') != name.npos) continue;
    auto value = raw.substr(equals + 1);
    bool quoted = value.size() > 1 && value.front() == value.back() &&
                  (value.front() == '"' || value.front() == '\'');
    bool escapes = quoted && value.front() == '"';
    if (quoted) value = value.substr(1, value.size() - 2);
    std::string plain;
    for (std::size_t i = 0; i < value.size(); ++i) {
      bool escaped = escapes && value[i] == '\\' && i + 1 < value.size();
      if (escaped) ++i;
      plain += escaped && value[i] == 'n' ? '\n' : value[i];
    }
    all[name] = plain;
  }
  return all;
}

/// The line of a variable's last assignment.
std::size_t line_of(std::string_view text, const std::string& name) {
  std::size_t found = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (trimmed(line).starts_with(name + "=")) found = number;
  }
  return found;
}

/// Names the .env beside the file, and says what is read otherwise by the rules of `env_file`.
void take_variables(const foreign_file& file, imported& into) {
  auto path = file.folder + "/.env";
  auto text = file.look(path);
  if (!text) return;
  auto read = parse_env_file(*text, path);
  if (!read) {
    auto& where = read.error().where;
    into.losses.push_back({path, std::stoul(where.substr(where.rfind(':') + 1)), "",
                           read.error().detail + "; no process starts until it is mended"});
    return;
  }
  // Values are nobody's to see.
  for (auto& [name, value] : foreman_variables(*text))
    if (auto here = read->find(name); here == read->end() || here->second != value)
      into.losses.push_back({path, line_of(*text, name), name,
                             "is another value by systemd's rules of quotes, which 'env_file' has, "
                             "than by foreman's"});
}

}  // namespace

result<void> import_procfile(const foreign_file& file, imported& into) {
  std::string_view rest = file.text;
  unsigned port = port_first;
  auto before = into.services.size();
  bool has_variables = file.look(file.folder + "/.env").has_value();
  if (has_variables) take_variables(file, into);
  for (std::size_t number = 1; !rest.empty(); ++number) {
    auto raw = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(raw.size() + 1, rest.size()));
    auto line = trimmed(raw);
    if (line.empty() || line.starts_with('#')) continue;
    auto where = file.path + ":" + std::to_string(number);
    auto colon = line.find(':');
    auto name = line.substr(0, colon);
    if (colon == line.npos || trimmed(line.substr(colon + 1)).empty())
      return fail(errc::bad_arguments, in_quotes(line) + " is not NAME: COMMAND", where);
    auto lose = [&](std::string key, std::string why) {
      into.losses.push_back({file.path, number, std::move(key), std::move(why)});
    };
    // foreman and honcho pass over such a line without a word.
    if (!is_process_name(name))
      lose(std::string(name),
           "foreman and honcho do not run this line: a name has letters, "
           "digits, '-' and '_', and nothing in front of it");
    std::string command(trimmed(line.substr(colon + 1)));
    json spec{{"name", as_name(name)}, {"directory", file.folder}};
    spec["command"] = command_of_line(command);
    // Else the shell alone would hear of the stop.
    if (spec["command"][0] == "sh" && !is_single_command(command)) spec["kill_mode"] = "group";
    spec["env"]["PORT"] = std::to_string(port);
    if (names_more_than_port(command))
      lose(std::string(name),
           "a variable that begins with PORT is that variable here; foreman "
           "puts the port in its place");
    port += port_step;
    if (name == "release") {
      spec["autostart"] = false;
      spec["restart"] = "never";
      lose("release", "runs before each release elsewhere; here 'smctl start release' runs it");
    }
    if (has_variables) spec["env_file"] = {"-" + file.folder + "/.env"};
    into.services.push_back(std::move(spec));
  }
  if (into.services.size() == before)
    return fail(errc::bad_arguments, "there is no NAME: COMMAND in it", file.path);
  return {};
}

}  // namespace sm::ctl
