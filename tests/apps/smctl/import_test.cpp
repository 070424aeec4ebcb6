// Files of other managers as services.
#include "import/import.hpp"

#include <gtest/gtest.h>

#include "import/foreign.hpp"

namespace sm::ctl {
namespace {

using files = std::map<std::string, std::string>;

/// The TOML, then a line for each loss; or the error.
std::string as_toml(const std::string& name, const std::string& text, files others = {},
                    const std::string& environment = {}) {
  foreign_file file{name, "/srv", text, environment, [others](const std::string& path) {
                      auto found = others.find(path);
                      return found == others.end() ? std::nullopt : std::optional(found->second);
                    }};
  imported all;
  auto kind = kind_of_file(name, text);
  auto ok = kind ? import_file(*kind, file, all) : tl::unexpected<error>(kind.error());
  if (!ok) return ok.error().where + ": " + ok.error().detail;
  settle(all);
  auto out = services_in_toml(all.services);
  for (auto& loss : all.losses) out += to_string(loss) + "\n";
  return out;
}

}  // namespace

TEST(import, a_file_is_known_by_its_name_or_content) {
  auto kind = [](const std::string& name, std::string_view text = "") {
    auto k = kind_of_file(name, text);
    return k ? std::string(foreign_kinds()[static_cast<std::size_t>(*k)]) : k.error().detail;
  };
  EXPECT_EQ(kind("/a/Procfile"), "procfile");
  EXPECT_EQ(kind("Procfile.dev"), "procfile");
  EXPECT_EQ(kind("a.service"), "systemd");
  EXPECT_EQ(kind("ecosystem.json"), "pm2");
  EXPECT_EQ(kind("a.conf", "; x\n[program:a]\n"), "supervisord");
  EXPECT_EQ(kind("a.txt", "[Unit]\n"), "systemd");
  EXPECT_EQ(kind("a.txt", "x").find("is none by its name or content of:"), 0U);
  EXPECT_NE(kind("ecosystem.config.js")
                .find("node -p 'JSON.stringify(require(\"./ecosystem.config.js\"), null, 2)' > "
                      "ecosystem.json"),
            std::string::npos);
  for (auto name : foreign_kinds())
    EXPECT_EQ(foreign_kinds()[static_cast<std::size_t>(kind_called(name))], name);
}

TEST(import, texts_are_written_so_that_the_reader_takes_them_as_they_are) {
  std::vector<json> services{
      {{"name", "a.b"},
       {"command", {"x \"y\"", "${A} $${B}", variable("HOME") + "\\\n\t\x7f"}},
       {"env", {{"DB", "file:./dev.db"}, {"T", "text:x"}, {"not bare", "file://y"}}},
       {"ready", {{"kind", "notify"}}},
       {"instances", 2}}};
  EXPECT_EQ(services_in_toml(services),
            "[service.\"a.b\"]\n"
            "command = [\"x \\\"y\\\"\", \"$${A} $$$${B}\", \"${HOME}\\\\\\n\\t\\u007f\"]\n"
            "instances = 2\n"
            "env = { DB = \"text:file:./dev.db\", T = \"text:text:x\", \"not bare\" = "
            "\"text:file://y\" }\n"
            "ready = { kind = \"notify\" }\n");
}

TEST(import, procfile_lines_are_services_with_ports_and_shells_where_they_are_needed) {
  EXPECT_EQ(as_toml("Procfile",
                    "# no\nweb: puma -p $PORT\nworker: cd x && node a.js\nplain: node 'b c.js'\n"),
            "[service.web]\ncommand = [\"sh\", \"-c\", \"exec puma -p $PORT\"]\n"
            "directory = \"/srv\"\nenv = { PORT = \"5000\" }\n"
            "\n[service.worker]\ncommand = [\"sh\", \"-c\", \"cd x && node a.js\"]\n"
            "directory = \"/srv\"\nenv = { PORT = \"5100\" }\nkill_mode = \"group\"\n"
            "\n[service.plain]\ncommand = [\"node\", \"b c.js\"]\ndirectory = \"/srv\"\n"
            "env = { PORT = \"5200\" }\n");
  EXPECT_NE(as_toml("Procfile", "a: x $PORT_ADMIN\n")
                .find("Procfile:1: a: a variable that begins with PORT is that variable here"),
            std::string::npos);
  EXPECT_EQ(as_toml("Procfile", "web\n"), "Procfile:1: 'web' is not NAME: COMMAND");
  EXPECT_EQ(as_toml("Procfile", "\n# x\n"), "Procfile: there is no NAME: COMMAND in it");
}

TEST(import, variables_beside_a_procfile_are_named_and_looked_at) {
  auto other = as_toml("Procfile", "a: x\n", {{"/srv/.env", "A=1\nB=\"x\\ny\"\n"}});
  EXPECT_NE(other.find("/srv/.env:2: B: is another value by systemd's rules of quotes"),
            std::string::npos)
      << other;
  EXPECT_EQ(other.find("/srv/.env:1"), std::string::npos) << other;
  auto with = as_toml("Procfile", "a: x\n", {{"/srv/.env", "A=1\nexport B=2\n"}});
  EXPECT_NE(with.find("env_file = [\"-/srv/.env\"]\n"), std::string::npos) << with;
  EXPECT_NE(with.find("/srv/.env:2: what is before the '=' is no name of a variable: leave the "
                      "'export' out; no "
                      "process starts until it is mended\n"),
            std::string::npos)
      << with;
}

TEST(import, programs_of_supervisord_keep_their_defaults_groups_and_order) {
  EXPECT_EQ(
      as_toml("a.conf",
              "[supervisord]\nenvironment=A=\"0\",B=0\n"
              "[program:db]\ncommand=db -x\npriority=1\nautostart=false\n"
              "[program:web]\ncommand=web\nenvironment=A=\"1\"\n[group:site]\nprograms=web,no\n"),
      "[service.db]\ncommand = [\"db\", \"-x\"]\nautostart = false\n"
      "env = { A = \"0\", B = \"0\" }\nrestart = \"on-failure\"\n"
      "\n[service.web]\ncommand = [\"web\"]\nenv = { A = \"1\", B = \"0\" }\n"
      "group = \"site\"\nafter = [\"db\"]\nrestart = \"on-failure\"\n"
      "a.conf:11: programs: there is no [program:no] in this file\n");
}

TEST(import, processes_of_supervisord_are_instances_or_services_of_their_own) {
  EXPECT_EQ(as_toml("a.conf",
                    "[program:w]\ncommand=w %(process_num)d\nnumprocs=3\n"
                    "process_name=w_%(process_num)02d\n"),
            "[service.w]\ncommand = [\"w\", \"${SM_INSTANCE_NUMBER}\"]\ninstances = 3\n"
            "restart = \"on-failure\"\n");
  EXPECT_EQ(as_toml("a.conf",
                    "[program:w]\ncommand=w 80%(process_num)02d\nnumprocs=2\n"
                    "numprocs_start=9\nprocess_name=%(process_num)d\n"),
            "[service.w-9]\ncommand = [\"w\", \"8009\"]\ngroup = \"w\"\nrestart = \"on-failure\"\n"
            "\n[service.w-10]\ncommand = [\"w\", \"8010\"]\ngroup = \"w\"\n"
            "restart = \"on-failure\"\n");
}

TEST(import, what_a_key_would_be_refused_for_is_lost_alone) {
  EXPECT_EQ(as_toml("a.conf", "[program:w]\ncommand=w\nstopsignal=USR9\nnumprocs=x\numask=9\n"),
            "[service.w]\ncommand = [\"w\"]\nrestart = \"on-failure\"\n"
            "a.conf:3: stopsignal: 'USR9' is no signal; write for example TERM\n"
            "a.conf:4: numprocs: must be a whole number from 0 to 1000, not 'x'\n"
            "a.conf:5: umask: must be octal from \"000\" to \"777\", not '9'\n");
  EXPECT_EQ(as_toml("a.conf", "[program:w]\ndirectory=/x\n"),
            "a.conf:1: [program:w]: has no command that can be run\n");
}

TEST(import, apps_of_pm2_run_by_their_interpreters_and_end_by_int) {
  EXPECT_EQ(as_toml("e.json", R"({"apps": [{"script": "a/b.py", "args": "--x=\"y z\" 'p q'"}]})"),
            "[service.b]\ncommand = [\"python3\", \"a/b.py\", \"--x=\\\"y z\\\"\", \"p q\"]\n"
            "directory = \"/srv\"\nkill_mode = \"group\"\nstop_signal = \"INT\"\n");
  auto command = [](const std::string& app, files others = {}) {
    auto toml = as_toml("e.json", app, std::move(others));
    auto begin = toml.find("command = ") + 10;
    return toml.substr(begin, toml.find('\n', begin) - begin);
  };
  EXPECT_EQ(command(R"({"script": "npm", "args": "start"})"), R"(["npm", "start"])");
  EXPECT_EQ(command(R"({"script": "bin/www"})", {{"/srv/bin/www", "require('x')"}}),
            R"(["node", "bin/www"])");
  EXPECT_EQ(command(R"({"script": "bin/x"})", {{"/srv/bin/x",
                                                "\x7f"
                                                "ELF"}}),
            R"(["bin/x"])");
  EXPECT_EQ(command(R"({"script": "x.js", "interpreter": "none", "node_args": "-r y"})"),
            R"(["x.js"])");
  EXPECT_EQ(command(R"({"script": "x.js", "node_args": ["-r", "y"]})"),
            R"(["node", "-r", "y", "x.js"])");
  EXPECT_NE(as_toml("e.json", R"({"script": "bin/x"})", {{"/srv/bin/x", "#!/bin/sh\n"}})
                .find("e.json:1: script: is run by its first line, #!/bin/sh; pm2 runs node"),
            std::string::npos);
}

TEST(import, another_environment_of_pm2_counts_when_it_is_asked_for) {
  std::string text = R"({"name": "a", "script": "a.js", "instances": 2, "increment_var": "PORT",
 "env": {"A": 1, "PORT": 3000}, "env_prod": {"A": true, "PORT": 4000}})";
  auto plain = as_toml("e.json", text);
  EXPECT_NE(plain.find("A = \"1\""), std::string::npos) << plain;
  EXPECT_NE(plain.find("PORT = \"300${SM_INSTANCE_NUMBER}\""), std::string::npos) << plain;
  EXPECT_NE(plain.find("e.json:2: env_prod: is another environment: --env prod\n"),
            std::string::npos)
      << plain;
  auto prod = as_toml("e.json", text, {}, "prod");
  EXPECT_NE(prod.find("A = \"true\""), std::string::npos) << prod;
  EXPECT_NE(prod.find("PORT = \"400${SM_INSTANCE_NUMBER}\""), std::string::npos) << prod;
  EXPECT_EQ(prod.find("e.json"), std::string::npos) << prod;
}

TEST(import, an_ecosystem_that_is_no_json_says_how_to_make_some) {
  auto refused = as_toml("e.json", "module.exports = {}");
  EXPECT_EQ(refused.find("e.json: is no JSON: "), 0U) << refused;
  EXPECT_NE(refused.find("node -p 'JSON.stringify(eval("), std::string::npos);
  EXPECT_EQ(as_toml("e.json", "{\n\"apps\": []}"), "e.json:2: there are no apps in it");
  EXPECT_EQ(as_toml("e.json", "{\"apps\": [\n{}]}"), "e.json:2: an app needs a 'script'");
  EXPECT_EQ(as_toml("e.json", "[1]"), "e.json:1: an app is an object");
}

TEST(import, a_unit_keeps_the_defaults_of_systemd) {
  EXPECT_EQ(as_toml("/etc/x/web.service",
                    "[Unit]\nDescription=A  site\n[Service]\nExecStart=/p a\nExecStart=\n"
                    "ExecStart=/p b\nEnvironment=A=1 \"B=2 3\"\n[Install]\nWantedBy=x.target\n"),
            "# A  site\n[service.web]\ncommand = [\"/p\", \"b\"]\n"
            "env = { A = \"1\", B = \"2 3\" }\nkill_mode = \"group\"\nrestart = \"never\"\n"
            "stop_timeout = \"90s\"\n");
  EXPECT_EQ(as_toml("a.service", "[Service]\nType=simple\n"),
            "a.service: there is no ExecStart in it");
  EXPECT_EQ(as_toml("a@.service", "[Service]\nExecStart=/p %i\n"),
            "a@.service: is called a here\n"
            "a@.service:2: ExecStart: %i of a template: import it as NAME@INSTANCE.service, which "
            "is read from NAME@.service; the unit is left out\n");
}

TEST(import, what_confines_a_unit_confines_the_program) {
  EXPECT_EQ(
      as_toml("a.service",
              "[Service]\nExecStart=/p\nRestart=always\nKillMode=mixed\nTimeoutStopSec=10\n"
              "NoNewPrivileges=yes\nPrivateTmp=true\nProtectHome=yes\n"
              "CapabilityBoundingSet=\nCapabilityBoundingSet=CAP_CHOWN CAP_KILL\n"
              "CapabilityBoundingSet=~CAP_KILL\n"
              "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\n"
              "SystemCallArchitectures=native\n"),
      "[service.a]\ncommand = [\"/p\"]\n"
      "capability_bounding_set = [\"CAP_CHOWN\", \"CAP_KILL\", \"~CAP_KILL\"]\n"
      "kill_mode = \"mixed\"\nno_new_privileges = true\nprivate_tmp = true\n"
      "restart = \"always\"\nstop_timeout = \"10s\"\n"
      "system_call_filter = [\"@system-service\", \"~@privileged\", \"~@resources\"]\n"
      "a.service:8: ProtectHome: is not done here; let the command do it (bwrap, setpriv), or "
      "keep it a unit\n");
  for (auto* lines :
       {"CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_KILL\nCapabilityBoundingSet=\n",
        "CapabilityBoundingSet=\nCapabilityBoundingSet=~CAP_KILL\n"})
    EXPECT_NE(as_toml("a.service", std::string("[Service]\nExecStart=/p\n") + lines)
                  .find("capability_bounding_set = [\"none\"]"),
              std::string::npos)
        << lines;
  EXPECT_EQ(
      as_toml("a.service", "[Service]\nExecStart=/p\nCapabilityBoundingSet=~\n").find("capability"),
      std::string::npos);
  auto loses = as_toml("a.service",
                       "[Service]\nExecStart=/p\nSystemCallFilter=@aio read\n"
                       "SystemCallErrorNumber=EPERM\nCapabilityBoundingSet=~CAP_NOTHING\n");
  for (auto* line : {"a.service:3: SystemCallFilter: '@aio' is no group of system calls: ",
                     "a.service:4: SystemCallErrorNumber: ", "CAP_NOTHING"})
    EXPECT_NE(loses.find(line), std::string::npos) << loses;
}

TEST(import, units_know_each_other_when_they_come_together) {
  imported all;
  auto add = [&](const std::string& name, const std::string& text) {
    EXPECT_TRUE(import_file(foreign_kind::systemd,
                            {name, "/", "[Unit]\n" + text + "[Service]\nExecStart=/p\n"}, all));
  };
  add("web.service", "Requires=db.service\nAfter=db.service cache.service\nWants=cache.service\n");
  add("db.service", "Before=cron.service other.service\n");
  add("cron.service", "");
  add("web.service", "");
  settle(all);
  std::string losses;
  for (auto& loss : all.losses) losses += to_string(loss) + "\n";
  EXPECT_EQ(all.services.size(), 3U);
  EXPECT_EQ(all.services[0]["requires"], json{"db"});
  EXPECT_FALSE(all.services[0].contains("after")) << "it is in requires";
  EXPECT_EQ(all.services[2]["after"], json{"db"});
  EXPECT_EQ(
      losses,
      "web: is there twice; the first one is taken\n"
      "web.service:3: After: cache.service is not imported; put it into After= of the unit of "
      "smd\n"
      "web.service:4: Wants: cache.service is not imported; put it into Wants= of the unit of "
      "smd\n"
      "db.service:2: Before: other.service is not imported; put it into Before= of the unit of "
      "smd\n");
}

TEST(import, what_could_not_run_is_a_loss_and_nobody_waits_for_itself) {
  EXPECT_EQ(as_toml("a.conf", "[program:w]\ncommand=\"\"\n[program:x]\ncommand=\n"),
            "a.conf:1: [program:w]: has no command that can be run\n"
            "a.conf:2: command: the program's name is empty\n"
            "a.conf:3: [program:x]: has no command that can be run\n");
  EXPECT_EQ(
      as_toml("w.service", "[Unit]\nAfter=w.service\n[Service]\nExecStart=/p\n").find("after"),
      std::string::npos);
}

TEST(import, a_file_that_is_no_text_is_refused) {
  imported all;
  EXPECT_EQ(import_file(foreign_kind::procfile, {"P", "/", "a: \xff\n"}, all).error().detail,
            "is no text in UTF-8");
  EXPECT_EQ(import_file(foreign_kind::procfile, {"P", "/", "a: \x01\n"}, all).error().detail,
            "has control characters in it");
  EXPECT_EQ(as_toml("e.json", R"({"script": "a", "env": {"A": "\u0001"}})"),
            "e.json: has control characters in it");
  EXPECT_EQ(
      as_toml("a.service", "[Service]\nExecStart=/p \\x01\n"),
      "a.service:2: ExecStart: a backslash begins no escape there is; the unit is left out\n");
  EXPECT_NE(as_toml("a.service", "[Unit]\nDescription=a\x1b[2Jb\n[Service]\nExecStart=/p\n")
                .find("# a [2Jb\n"),
            std::string::npos);
}

}  // namespace sm::ctl
