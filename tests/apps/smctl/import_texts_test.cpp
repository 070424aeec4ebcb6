// The texts of other managers' files: words, quotes, expansion, lines.
#include <gtest/gtest.h>

#include "import/foreign.hpp"
#include "import/ini.hpp"
#include "import/pm2_json.hpp"
#include "import/supervisord_text.hpp"
#include "import/systemd_text.hpp"

namespace sm::ctl {
namespace {

std::string shown(const result<std::vector<std::string>>& words) {
  if (!words) return words.error().detail;
  std::string text;
  for (auto& word : *words) text += "<" + word + ">";
  return text;
}

std::string shown(const result<std::vector<ini_section>>& sections) {
  if (!sections) return sections.error().where + ": " + sections.error().detail;
  std::string text;
  for (auto& s : *sections) {
    text += "[" + s.name + "]" + std::to_string(s.line);
    for (auto& e : s.entries) text += " " + e.key + "=" + e.value + "@" + std::to_string(e.line);
  }
  return text;
}

std::string variables(std::string_view text) {
  auto all = variables_of(text);
  if (!all) return all.error().detail;
  std::string out;
  for (auto& [name, value] : *all) out += name + "=" + value + "|";
  return out;
}

}  // namespace

TEST(import_texts, words_of_a_shell_are_those_of_shlex) {
  EXPECT_EQ(shown(shell_words(" a  'b c' \"d \\\"e\\\" \\n\" f\\ g h''i ''")),
            "<a><b c><d \"e\" \\n><f g><hi><>");
  EXPECT_EQ(shown(shell_words("a\nb\tc")), "<a><b><c>");
  EXPECT_EQ(shown(shell_words("$A ~ *")), "<$A><~><*>");
  EXPECT_EQ(shown(shell_words("'a")), "a quote is not closed");
  EXPECT_EQ(shown(shell_words("a\\")), "a backslash protects nothing");
}

TEST(import_texts, a_line_for_a_shell_is_split_where_it_is_plain) {
  EXPECT_EQ(command_of_line("node server.js 'a b'"), (json{"node", "server.js", "a b"}));
  EXPECT_EQ(command_of_line("puma -p $PORT"), (json{"sh", "-c", "exec puma -p $PORT"}));
  EXPECT_EQ(command_of_line("A=1 puma"), (json{"sh", "-c", "A=1 puma"}));
  EXPECT_EQ(command_of_line("cd x && puma"), (json{"sh", "-c", "cd x && puma"}));
  EXPECT_EQ(command_of_line("puma > log 2>&1"), (json{"sh", "-c", "puma > log 2>&1"}));
  EXPECT_EQ(command_of_line("exec puma"), (json{"sh", "-c", "exec puma"}));
  EXPECT_EQ(command_of_line("puma 'x"), (json{"sh", "-c", "exec puma 'x"}));
}

TEST(import_texts, a_configparser_has_comments_behind_blanks_and_merges_what_is_twice) {
  EXPECT_EQ(
      shown(read_python_ini("; no\n[a]\nX=1 ;c\ny: 2#3 # c\n  more\n\n\n[b]\n[a]\nx=4\n", "f")),
      "[a]2 y=2#3\nmore@4 x=4@10[b]8");
  EXPECT_EQ(shown(read_python_ini("[a]\r\nx = 1\r\n", "f")), "[a]1 x=1@2");
  EXPECT_EQ(shown(read_python_ini("x=1\n", "f")), "f:1: 'x=1' is neither [SECTION] nor KEY=VALUE");
  EXPECT_EQ(shown(read_python_ini("[a]\nword\n", "f")),
            "f:2: 'word' is neither [SECTION] nor KEY=VALUE");
}

TEST(import_texts, a_unit_joins_lines_at_backslashes_over_comments) {
  EXPECT_EQ(shown(read_unit_file("# no\n[A]\nx=1 \\\n# no\n  ; no\n   2\\\n\ny=a\\\\\nx=\n", "f")),
            "[A]2 x=1  2@3 y=a\\\\@8 x=@9");
  EXPECT_EQ(shown(read_unit_file("[A]\nx=1\\", "f")), "[A]1 x=1\\@2");
  EXPECT_EQ(shown(read_unit_file("[A]\nx=1\\\n# no", "f")), "[A]1 x=1@2");
  EXPECT_EQ(shown(read_unit_file("[A]\n\nword\n", "f")),
            "f:3: 'word' is neither [SECTION] nor KEY=VALUE");
}

/// As systemd 252 split them in a running unit.
TEST(import_texts, words_of_a_unit_have_quotes_anywhere_and_escapes_of_c) {
  EXPECT_EQ(shown(unit_words("a --b=\"c d\" 'e \"f' g\\x20h \\ti '' \\u00e9\\101")),
            "<a><--b=c d><e \"f><g h><\ti><><\xc3\xa9"
            "A>");
  EXPECT_EQ(shown(unit_words("\"a")), "a quote is not closed");
  EXPECT_EQ(shown(unit_words("a\\q")), "a backslash begins no escape there is");
  EXPECT_EQ(shown(unit_words("a\\x0")), "a backslash begins no escape there is");
  EXPECT_EQ(shown(unit_words("a\\")), "a backslash begins no escape there is");
}

TEST(import_texts, spans_of_systemd) {
  auto ms = [](std::string_view text) {
    auto span = unit_span(text);
    return span ? span->count() : -1;
  };
  EXPECT_EQ(ms("5"), 5000);
  EXPECT_EQ(ms("1min 30s"), 90'000);
  EXPECT_EQ(ms("1.5s"), 1500);
  EXPECT_EQ(ms("2h30m"), 9'000'000);
  EXPECT_EQ(ms("500us"), 1) << "rounded up";
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("infinity"), 365LL * 86'400'000);
  for (auto* text : {"", "x", "5 lightyears", "-1", "1..2", "9999999999999", "nan", "1e999"})
    EXPECT_EQ(ms(text), -1) << text;
}

TEST(import_texts, specifiers_are_put_in_or_named) {
  unit_names u{"web@a-b\\x2dc", "web", "a-b\\x2dc", "/etc/systemd/system"};
  EXPECT_EQ(*with_specifiers("%% %n %p %i %I %f 100% %", u),
            "% web@a-b\\x2dc.service web a-b\\x2dc a/b-c /a/b-c 100% %");
  EXPECT_EQ(*with_specifiers("%h/x", u), variable("HOME") + "/x");
  EXPECT_EQ(with_specifiers("%H", u).error().detail, "%H is known at a start alone");
  EXPECT_EQ(with_specifiers("%i", {"web@", "web", "", "/"}).error().detail,
            "%i of a template: import it as NAME@INSTANCE.service, which is read from "
            "NAME@.service");
}

namespace {

std::string composed(std::string_view before, std::string_view line,
                     const std::map<std::string, std::string>& known = {}) {
  unit_names u{"web", "web", "", "/"};
  std::vector<exec_line> first;
  if (!before.empty()) first = *exec_lines(before, u);
  auto lines = exec_lines(line, u);
  if (!lines) return lines.error().detail;
  auto made = compose_command(first, *lines, known);
  auto text = print_json(made.command);
  for (auto& loss : made.losses) text += "\n" + loss.why;
  return text;
}

}  // namespace

/// As systemd 252 runs them.
TEST(import_texts, variables_of_a_command_line_are_where_systemd_sees_them) {
  std::map<std::string, std::string> known{{"A", "x 'y z'"}, {"E", ""}};
  EXPECT_EQ(composed("", "/p $A \"$A\" ${A}/b '${A}' $E ${E} $$A :end", known),
            R"(["/p","x","y z","x","y z","x 'y z'/b","x 'y z'","","$A",":end"])");
  EXPECT_EQ(composed("", "/p --x=$A $A/b end", known),
            "[\"/p\",\"--x=$A\",\"end\"]\n'$A/b' is left out, as systemd leaves it out: a variable "
            "within a word is written ${NAME}");
  EXPECT_EQ(composed("", "/p ${B}/c 'a b' $$HOME"),
            R"(["/bin/sh","-c","exec /p \"${B}\"/c 'a b' '$HOME'"])");
  EXPECT_EQ(composed("", "/p $B"),
            "[\"/bin/sh\",\"-c\",\"set -f; exec /p $B\"]\n$B: a shell splits it at blanks, quotes "
            "in its value are characters like others");
  EXPECT_EQ(composed("", ":/p $A ${A}", known), R"(["/p","$A","${A}"])");
}

TEST(import_texts, what_runs_before_a_command_is_in_front_of_it) {
  EXPECT_EQ(composed("/a 'b c' ; -/d", "/p x"),
            R"(["/bin/sh","-c","/a 'b c' && { /d || :; } && exec /p x"])");
  EXPECT_EQ(composed("", "/p a\\;b \\; c"), R"(a backslash begins no escape there is)");
  EXPECT_EQ(composed("", "/p a \\; c"), R"(["/p","a",";","c"])");
  EXPECT_EQ(composed("", "@/p name x"), "[\"/p\",\"x\"]\n'@': the program's name stays what it is");
  EXPECT_EQ(composed("", "-+/p"),
            "[\"/p\"]\n'+' and '!': all of it runs as the user\n'-': its failure is one");
  EXPECT_EQ(composed("", " ; "), "there is no command in it");
}

/// As supervisord 4.2.5 gives them to a program.
TEST(import_texts, variables_of_supervisord_lose_the_quotes_of_their_ends) {
  EXPECT_EQ(variables("A=1,B=\"two words\",C='x,y' , D=/a/b:c.d-e+f()"),
            "A=1|B=two words|C=x,y|D=/a/b:c.d-e+f()|");
  EXPECT_EQ(variables("OPTS=\"--name='x'\""), "OPTS=--name='x|");
  EXPECT_EQ(variables("A=\"\",B=''"), "A=|B=|");
  EXPECT_EQ(variables("A=1;B=2"), "A=1|B=2|") << "whatever is between two";
  EXPECT_EQ(variables("A=red#1,B=2"), "A=red|");
  EXPECT_EQ(variables(""), "");
  for (auto* text : {"A", "A=", "A=a@b", "A=1 B=2"})
    EXPECT_EQ(variables(text).find("is not KEY=\"value\""), 0U) << text;
  EXPECT_EQ(variables("A=\"x"), "a quote is not closed");
}

TEST(import_texts, names_of_supervisord_are_put_in) {
  program_names n{"web", "site", "/etc", "3", 7};
  EXPECT_EQ(*expanded("%(program_name)s %(group_name)s %(here)s %(numprocs)d 100%%", n),
            "web site /etc 3 100%");
  EXPECT_EQ(*expanded("80%(process_num)02d %(process_num)d %(ENV_HOME)s", n),
            "8007 7 " + variable("HOME"));
  EXPECT_EQ(*expanded("%(host_node_name)s", n), variable("HOSTNAME"));
  EXPECT_EQ(expanded("%(uid)d", n).error().detail, "'%(uid)s' has no counterpart");
  EXPECT_EQ(expanded("+%Y", n).error().detail, "a '%' is written '%%'");
  n.process_num.reset();
  EXPECT_EQ(*expanded("%(process_num)d", n), variable("SM_INSTANCE_NUMBER"));
  EXPECT_TRUE(has_process_num("x%(process_num)02d") &&
              has_formatted_process_num("x%(process_num)02d"));
  EXPECT_FALSE(has_formatted_process_num("x%(process_num)s"));
}

TEST(import_texts, comments_and_last_commas_are_taken_out_of_an_ecosystem) {
  std::string text = "// a\n[1, /* b\n */ \"x // y\\\"\", {\"z\": \"/*\",}, ]\n";
  auto plain = plain_json(text);
  EXPECT_EQ(plain.size(), text.size());
  EXPECT_EQ(parse_json(plain).value(), (json{1, "x // y\"", {{"z", "/*"}}}));
  EXPECT_EQ(plain_json("/* x"), "    ");
  EXPECT_EQ(plain_json("/"), "/");
  EXPECT_FALSE(parse_json(plain_json("[1,,]")));
}

TEST(import_texts, keys_of_json_have_lines) {
  auto lines = lines_of_json("{\n\"a\": [\n1,\n {\"b/c\":\n null}], \"d\\\"\"\n: {}\n}");
  EXPECT_EQ(lines.at("/a"), 2U);
  EXPECT_EQ(lines.at("/a/0"), 3U);
  EXPECT_EQ(lines.at("/a/1/b~1c"), 4U);
  EXPECT_EQ(lines.at("/d\""), 5U);
}

}  // namespace sm::ctl
