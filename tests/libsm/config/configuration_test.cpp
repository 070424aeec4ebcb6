#include "config/configuration.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/manual.hpp"
#include "config/program_flags.hpp"
#include "config/reference.hpp"
#include "config/setting_rows.hpp"
#include "temporary_folder.hpp"
#include "text/roff.hpp"

namespace sm {
namespace {

using files = std::map<std::string, std::string>;

/// Surroundings that are values.
config_surroundings made_of(files texts, std::map<std::string, std::string> variables = {}) {
  auto read = [texts](const std::filesystem::path& file) -> result<std::string> {
    auto found = texts.find(file.lexically_normal().string());
    if (found == texts.end()) return fail(errc::unavailable, "is not there");
    return found->second;
  };
  auto list =
      [texts](const std::filesystem::path& folder) -> result<std::vector<std::filesystem::path>> {
    std::vector<std::filesystem::path> all;
    for (auto& [name, text] : texts)
      if (std::filesystem::path(name).parent_path() == folder.lexically_normal())
        all.insert(all.begin(), name);
    if (all.empty()) return fail(errc::unavailable, "is not there");
    return all;
  };
  auto variable = [variables](const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return {read, list, variable, 3};
}

configuration read(const std::string& text, std::map<std::string, std::string> variables = {},
                   const declarations& code = {}) {
  return read_configuration("f", made_of({{"f", text}}, std::move(variables)), code);
}

const service_spec* service_of(const configuration& c, const std::string& name) {
  for (auto& s : c.wanted.services)
    if (s.name == name) return &s;
  return nullptr;
}

}  // namespace

TEST(configuration, every_section_is_read_by_its_reader) {
  auto c = read(R"(
[manager]
shutdown_timeout = "8s"
[http]
listen = "127.0.0.1:0"
hosts = ["a.example", "b.example"]
body_max = "4MiB"
pending_max = 7
insecure = false
[queue]
sync = "normal"
[service.web]
command = ["python3", "-m", "http.server", "${PORT}"]
instances = "cores"
env = { SHOWN = "$${PORT}", MADE = "${NOT:-else}", MARKS = "$5 $$ $$$${A} a$$${PORT}$" }
backoff.min = "20ms"
ready = { kind = "tcp", target = "127.0.0.1:8080" }
[service.web.log]
max_size = "1MiB"
[consumer.mail]
queues = ["mail", "*"]
instances = 2
[schedule.nightly]
cron = "0 3 * * *"
type = "Clean"
argument = { keep = 7 }
[limit.mail]
concurrency = 3
[group.site]
strategy = "rest-for-one"
)",
                {{"PORT", "8080"}});
  ASSERT_EQ(describe(c.mistakes), "");
  config settings;
  for (auto& [key, value] : c.settings) EXPECT_TRUE(set_config_value(settings, key, value)) << key;
  EXPECT_EQ(settings.manager.shutdown_timeout, std::chrono::seconds(8));
  EXPECT_EQ(settings.http.hosts, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(settings.http.body_max, 4U << 20);
  EXPECT_EQ(settings.http.pending_max, 7U);
  EXPECT_EQ(settings.queue.sync, "normal");
  EXPECT_TRUE(c.queue_section);
  auto* web = service_of(c, "web");
  ASSERT_TRUE(web);
  EXPECT_EQ(web->command.back(), "8080");
  EXPECT_EQ(web->instances, 3U);
  EXPECT_EQ(web->env.at("SHOWN"), "${PORT}");
  EXPECT_EQ(web->env.at("MADE"), "else");
  EXPECT_EQ(web->env.at("MARKS"), "$5 $$ $${A} a$8080$") << "before a brace two are one";
  EXPECT_EQ(web->backoff.min, std::chrono::milliseconds(20));
  EXPECT_EQ(web->log.max_size, 1U << 20);
  EXPECT_EQ(web->start_timeout, std::chrono::seconds(90)) << "a program's default";
  ASSERT_EQ(c.wanted.consumers.size(), 1U);
  EXPECT_EQ(c.wanted.consumers[0].queues.front(), "mail");
  EXPECT_EQ(c.wanted.consumers[0].instances, 2U);
  ASSERT_EQ(c.wanted.schedules.size(), 1U);
  EXPECT_EQ(c.wanted.schedules[0].argument["keep"], 7);
  EXPECT_EQ(c.wanted.limits.at("mail").concurrency, 3U);
  EXPECT_EQ(c.wanted.groups.at(0).strategy, group_strategy::rest_for_one);
  EXPECT_EQ(c.services_of_file, (std::vector<std::string>{"consumer.mail", "web"}));
}

TEST(configuration, each_mistake_has_its_place_its_key_and_what_was_meant) {
  struct row {
    const char* text;
    const char* told;
  };
  const std::vector<row> table{
      {"a = \n", "error: f:1:5: expected value, saw '\\n'\n"},
      {"[a.]\n", "error: f:1:4: "},
      {"[\xc3\xbcnit]\n", "error: f:1:2: "},
      {"[http]\nlisten = 'a'\nlisten = 'b'\n",
       "error: f:3:1: cannot redefine existing string 'listen'\n"},
      {"[service.a]\ncomand = ['x']\n",
       "error: f:2:1: service.a.comand: unknown field; did you mean 'command'?\n"},
      {"[sevice.a]\ncommand = ['x']\n",
       "error: f:1:2: sevice: unknown section; did you mean 'service'?\n"},
      {"[http]\nbody_mx = 1\n",
       "error: f:2:1: http.body_mx: unknown key; did you mean 'http.body_max'?\n"},
      {"[http]\ninsecure = 1\n", "error: f:2:1: http.insecure: must be true or false\n"},
      {"[http]\npending_max = 1e5\n", "error: f:2:1: http.pending_max: must be a whole number\n"},
      {"[http]\npending_max = true\n", "error: f:2:1: http.pending_max: must be a whole number\n"},
      {"[http]\nidle_timeout = 5\n",
       "error: f:2:1: http.idle_timeout: must be a duration such as \"1500ms\" or \"2s\"\n"},
      {"[queue]\nsync = 'ful'\n",
       "error: f:2:1: queue.sync: 'ful' is no value of it; did you mean 'full'?\n"},
      {"http = 5\n", "error: f:1:1: http: must be a table: [http]\n"},
      {"[service]\nweb = 5\n",
       "error: f:2:1: service.web: must be in a table with a name: [service.NAME]\n"},
      {"[service.a]\n",
       "error: f:1:10: service.a.type: must not be empty, unless there is a command\n"},
      {"[service.a]\nname = 'b'\ncommand = ['x']\n",
       "error: f:2:1: service.a.name: the name is that of the section\n"},
      {"[service.a]\ncommand = ['x', 1]\n",
       "error: f:2:17: service.a.command[1]: must be a string\n"},
      {"[service.a]\ncommand = ['x']\nready = 'tcp'\n",
       "error: f:3:1: service.a.ready: must be a table\n"},
      {"[service.a]\ncommand = ['x']\nhealth = { target = '127.0.0.1:1' }\n",
       "error: f:3:12: service.a.health.target: needs kind = \"tcp\" or \"http\" beside it\n"},
      {"[service.a]\ncommand = ['x']\ninstances = 1.0\n", "error: f:3:1: service.a.instances: "},
      {"[service.a]\ncommand = ['x']\nparams.when = 2026-01-01\n",
       "error: f:3:8: service.a.params.when: a date or time is no value here; write a text in "
       "quotes\n"},
      {"[service.a]\ncommand = ['x']\nbackoff.factor = inf\n",
       "error: f:3:9: service.a.backoff.factor: must be a finite number\n"},
      {"[service.a]\ncommand = ['${NOBODY}']\n",
       "error: f:2:12: service.a.command[0]: the environment has no NOBODY; ${NOBODY:-TEXT} has a "
       "default, $${ stands for ${\n"},
      {"[service.a]\ncommand = ['x']\nenv.KEY = 'file:missing'\n",
       "error: f:3:5: service.a.env.KEY: missing is not there\n"},
      {"[consumer.a]\nqueue = ['x']\n",
       "error: f:2:1: consumer.a.queue: unknown field; did you mean 'queues'?\n"},
      {"[consumer.a]\nmin = 3\nmax = 2\n", "error: f:2:1: consumer.a.min: must not be over max\n"},
      {"[schedule.a]\ncron = 'often'\ntype = 'T'\n", "error: f:2:1: schedule.a.cron: "},
      {"[limit.mail]\nrat = 3\n",
       "error: f:2:1: limit.mail.rat: unknown field; did you mean 'rate'?\n"},
      {"[group.a]\nstrategy = 'all'\n",
       "error: f:2:1: group.a.strategy: must be \"one-for-one\", \"one-for-all\" or "
       "\"rest-for-one\"\n"},
      {"[service.'a b']\ncommand = ['x']\n", "error: f:1:10: service.'a b'.name: "},
      {"include = 5\n", "error: f:1:1: include: must be the path of a folder, or a list of them\n"},
      {"include = 'gone'\n", "error: f:1:1: include: gone is not there\n"},
      {"[service.a]\ncommand = ['x']\nafter = ['b']\n[service.b]\ncommand = ['x']\nafter = ['a']\n",
       "error: f:6:1: service.b.after: "}};
  for (auto& [text, told] : table) {
    auto mistakes = describe(read(text).mistakes);
    EXPECT_TRUE(mistakes.starts_with(told)) << text << "\nsays\n" << mistakes << "not\n" << told;
    EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 1) << mistakes;
  }
}

TEST(configuration, all_mistakes_are_told_at_once_by_their_places) {
  auto c = read(R"([service.z]
command = ["x"]
instances = "many"
nice = 1.5
backoff = { min = "1", mx = "2s" }
colour = "red"
[http]
body_max = "lots"
[service.a]
comand = ["x"]
)");
  std::vector<std::string> keys;
  for (auto& m : c.mistakes) keys.push_back(std::to_string(m.where.line) + " " + m.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"3 service.z.instances", "4 service.z.nice",
                                            "5 service.z.backoff.mx", "6 service.z.colour",
                                            "8 http.body_max", "10 service.a.comand"}))
      << describe(c.mistakes);
}

TEST(configuration, a_text_that_begins_with_file_is_written_behind_text) {
  auto c = read(
      "[service.a]\ncommand = ['text:x']\nenv = { URL = 'text:file:./db', T = 'text:text:' }\n");
  ASSERT_EQ(describe(c.mistakes), "");
  auto* a = service_of(c, "a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->env.at("URL"), "file:./db");
  EXPECT_EQ(a->env.at("T"), "text:");
  EXPECT_EQ(a->command[0], "text:x");
}

TEST(configuration, files_of_variables_are_found_from_the_folder_of_the_file) {
  std::string text =
      "[service.a]\ncommand = ['x']\nenv_file = ['a.env', '-../b', '-/c', '${D}/d']\n";
  auto c = read_configuration("/etc/sm/f", made_of({{"/etc/sm/f", text}}, {{"D", "/srv"}}), {});
  ASSERT_EQ(describe(c.mistakes), "");
  EXPECT_EQ(service_of(c, "a")->env_file,
            (std::vector<std::string>{"/etc/sm/a.env", "-/etc/b", "-/c", "/srv/d"}));
  EXPECT_EQ(describe(read("[service.a]\ncommand = ['x']\nenv_file = ['-']\n").mistakes),
            "error: f:3:13: service.a.env_file[0]: must be an absolute path, or '-' and one\n");
}

TEST(configuration, included_files_come_in_the_order_of_their_names_and_say_nothing_twice) {
  auto c = read_configuration(
      "etc/f",
      made_of({{"etc/f", "include = 'd'\n[http]\nbody_max = 5000\n"},
               {"etc/d/b.toml", "[service.a]\ncommand = ['y']\n[http]\nheader_max = 1\n"},
               {"etc/d/a.toml",
                "include = 'd'\n[service.a]\ncommand = ['x']\n[http]\nbody_max = 6000\n"}}),
      {});
  EXPECT_EQ(describe(c.mistakes),
            "error: etc/d/a.toml:1:1: include: only the first file includes others\n"
            "error: etc/d/b.toml:1:10: service.a: is in etc/d/a.toml:2 already\n"
            "error: etc/f:3:1: http.body_max: is in etc/d/a.toml:5 already\n");
}

TEST(configuration, a_command_that_is_a_text_is_told_as_a_list_and_hides_no_other_mistake) {
  auto told = describe(read("[service.a]\ncommand = 'python3 -m x'\nport = 1\n").mistakes);
  EXPECT_TRUE(told.starts_with(
      "error: f:2:1: service.a.command: must be an array: [\"python3\",\"-m\",\"x\"]\n"
      "error: f:3:1: service.a.port: unknown field"))
      << told;
}

TEST(configuration, secrets_come_from_files_beside_the_one_that_names_them) {
  auto c = read_configuration(
      "etc/f",
      made_of({{"etc/f",
                "[service.a]\ncommand = ['file:x']\nenv = { KEY = 'file:key', URL = 'file://x' }\n"
                "params = { db = { password = 'file:key', name = 'file:key' } }\n"
                "[queue]\nurl = 'file:/run/url'\n"},
               {"etc/key", "s3cret\n"},
               {"/run/url", "redis://:pw@h\n"}}),
      {});
  ASSERT_EQ(describe(c.mistakes), "");
  auto* a = service_of(c, "a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->env.at("KEY"), "s3cret");
  EXPECT_EQ(a->env.at("URL"), "file://x");
  EXPECT_EQ(a->command[0], "file:x") << "an argument is what it is";
  EXPECT_EQ(a->params["db"]["password"], a->env.at("KEY")) << "a secret by its name";
  EXPECT_EQ(a->params["db"]["name"], "file:key");
  EXPECT_EQ(c.settings[0].second, "redis://:pw@h");
}

TEST(configuration, a_section_changes_the_named_fields_of_what_the_code_declares) {
  declarations code;
  code.services.push_back({.name = "a", .type = "t", .instances = 2});
  complete(code.services[0]);
  code.consumers.push_back({.name = "default", .concurrency = 9});
  auto c = read("[service.a]\nwatchdog = '5s'\n[consumer.default]\ninstances = 4\n", {}, code);
  ASSERT_EQ(describe(c.mistakes), "");
  auto* a = service_of(c, "a");
  EXPECT_EQ(a->type, "t");
  EXPECT_EQ(a->instances, 2U);
  EXPECT_EQ(a->watchdog, std::chrono::seconds(5));
  EXPECT_EQ(c.wanted.consumers[0].concurrency, 9U);
  EXPECT_EQ(c.wanted.consumers[0].instances, 4U);
}

TEST(configuration, what_would_exhaust_the_stack_or_the_memory_is_refused) {
  std::string deep = "a";
  for (int i = 0; i < 200'000; ++i) deep += ".a";
  auto told = describe(read(deep + " = 1").mistakes);
  EXPECT_EQ(told, "error: f:1:130: a key has more than 64 parts\n");
  std::string list = "a = " + std::string(300, '[') + std::string(300, ']');
  EXPECT_EQ(read(list).mistakes.size(), 1U);
  std::string within = "a = " + std::string(100, '[') + std::string(100, ']');
  EXPECT_NE(describe(read(within).mistakes).find("nested deeper than 64 levels"),
            std::string::npos);
  EXPECT_EQ(describe(read(std::string(config_size_max + 1, '#')).mistakes),
            "error: f: has more than 1048576 bytes\n");
  std::string dots = "[service.a]\ncommand = ['x', '" + std::string(500, '.') + "']\n";
  EXPECT_EQ(describe(read(dots).mistakes), "") << "a text is no key";
}

TEST(configuration, a_folder_is_no_file_and_a_missing_one_is_named) {
  test::temporary_folder folder;
  auto around = own_config_surroundings();
  auto told = describe(read_configuration(folder.path(), around, {}).mistakes);
  EXPECT_EQ(told, "error: " + folder.path().string() + ": is a folder\n");
  auto missing = folder.path() / "none.toml";
  told = describe(read_configuration(missing, around, {}).mistakes);
  EXPECT_EQ(told, "error: " + missing.string() + ": cannot be read: No such file or directory\n");
  std::filesystem::create_directory(folder.path() / "d");
  for (auto* name : {"b.toml", "a.toml", ".c.toml", "d.txt"})
    std::ofstream(folder.path() / "d" / name) << "[service." << name[0] << "]\ncommand = ['x']\n";
  auto main = folder.path() / "f.toml";
  std::ofstream(main) << "include = 'd'\n";
  auto c = read_configuration(main, around, {});
  EXPECT_EQ(describe(c.mistakes), "");
  EXPECT_EQ(c.services_of_file, (std::vector<std::string>{"a", "b"}));
}

TEST(configuration, every_setting_is_read_from_a_value_of_its_kind) {
  for (auto& row : setting_rows()) {
    json value = row.value;
    if (row.kind == field_kind::flag) value = row.value == "true";
    if (row.kind == field_kind::whole || row.kind == field_kind::size)
      value = std::stoll(row.value);
    if (row.kind == field_kind::number) value = std::stod(row.value);
    if (row.kind == field_kind::texts) value = json::array();
    auto text = setting_text(row.key, value);
    ASSERT_TRUE(text) << row.key;
    EXPECT_EQ(*text, row.value) << row.key;
    EXPECT_FALSE(row.doc.empty()) << row.key;
  }
}

/// Writes the tables anew where SM_WRITE_DOCS is set.
void expect_page(const std::string& page, const std::string& what, const std::string& tables) {
  const std::string file = DOCS_FOLDER "/" + page;
  const std::string begin = "<!-- " + what + " -->\n", end = "<!-- end of " + what + " -->\n";
  std::stringstream read;
  read << std::ifstream(file).rdbuf();
  auto text = read.str();
  auto from = text.find(begin), to = text.find(end);
  ASSERT_NE(from, text.npos);
  ASSERT_NE(to, text.npos);
  from += begin.size();
  if (std::getenv("SM_WRITE_DOCS")) {
    std::ofstream(file) << text.replace(from, to - from, tables);
    return;
  }
  EXPECT_EQ(text.substr(from, to - from), tables)
      << "write it anew: SM_WRITE_DOCS=1 libsm_tests --gtest_filter='configuration.docs*'";
}

TEST(configuration, docs_configuration_md_shows_the_keys_as_they_are) {
  expect_page("configuration.md", "keys", configuration_in_markdown() + "\n");
}

TEST(configuration, docs_configuration_md_shows_flags_and_signals_as_they_are) {
  expect_page("configuration.md", "flags", "\n" + program_in_markdown() + "\n");
}

TEST(configuration, the_manual_has_each_flag_signal_and_key) {
  auto flags = smd_manual("1"), keys = configuration_manual("1");
  for (auto& row : program_flags())
    EXPECT_NE(flags.find(".B " + roff(row.name)), flags.npos) << row.name;
  for (auto& row : program_signals()) EXPECT_NE(flags.find(row.names), flags.npos) << row.names;
  for (auto* key : {"body_max", "cgroups", "ready.kind", "memory_max", "cron", "strategy"})
    EXPECT_NE(keys.find(".B " + std::string(key) + "\n"), keys.npos) << key;
  EXPECT_EQ(keys.find("]("), keys.npos);
}

TEST(configuration, docs_services_md_shows_the_fields_as_they_are) {
  expect_page("services.md", "fields", "\n" + specification_in_markdown(false) + "\n");
  expect_page("services.md", "fields of programs", "\n" + specification_in_markdown(true) + "\n");
}

TEST(configuration, the_example_has_no_mistakes) {
  auto c =
      read_configuration(DOCS_FOLDER "/../examples/smd/smd.toml", own_config_surroundings(), {});
  EXPECT_EQ(describe(c.mistakes), "");
  EXPECT_EQ(c.wanted.services.size(), 2U);
}

}  // namespace sm
