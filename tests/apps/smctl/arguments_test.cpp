#include "arguments.hpp"

#include <gtest/gtest.h>

#include "verbs.hpp"

namespace sm::ctl {
namespace {

using words = std::vector<std::string>;

invocation read(const words& given) {
  auto outcome = read_arguments(given);
  EXPECT_TRUE(outcome) << to_string(outcome.error());
  return outcome ? *outcome : invocation{find_verb("help")};
}

std::string refusal(const words& given) {
  auto outcome = read_arguments(given);
  if (outcome) return "taken";
  EXPECT_EQ(outcome.error().code, errc::bad_arguments);
  return outcome.error().detail;
}

}  // namespace

TEST(arguments, options_stand_anywhere_and_values_stay_as_they_are) {
  for (auto& given : {words{"-s", "/x", "logs", "web", "-n", "20", "-f"},
                      words{"logs", "-fn20", "web", "--server=/x"},
                      words{"--server", "/x", "tail", "--follow", "--lines=20", "--", "web"}}) {
    auto read_ = read(given);
    EXPECT_EQ(read_.verb->name, "logs");
    EXPECT_EQ(read_.value("server"), "/x");
    EXPECT_EQ(read_.number("lines", 0), 20U);
    EXPECT_TRUE(read_.has("follow"));
    EXPECT_EQ(read_.operands, words{"web"});
  }
  for (auto* value : {"[a,b]", "{\"x\":[1,2]}", "'quoted'", "a,b", "007", " blank ", "%{}", "$x"})
    EXPECT_EQ(read({"call", "web", "echo", value}).operands.back(), value);
  EXPECT_EQ(read({"stop", ""}).operands, words{""});
}

TEST(arguments, a_verb_is_one_word_or_two_and_has_aliases) {
  EXPECT_EQ(read({"ps"}).verb->name, "status");
  EXPECT_EQ(read({"queue"}).verb->name, "queue ls");
  EXPECT_EQ(read({"queue", "ls"}).verb->name, "queue ls");
  EXPECT_EQ(read({"-o", "json", "queue", "push", "T", "a=1"}).operands, (words{"T", "a=1"}));
  EXPECT_EQ(read({"daemon", "-q"}).verb->name, "daemon status");
  EXPECT_EQ(read({"queue", "-o", "json", "ls"}).verb->name, "queue ls");
  EXPECT_EQ(read({"queue", "--timeout=5s", "pause", "q"}).operands, words{"q"});
  EXPECT_EQ(read({"queue", "retry", "1", "2"}).verb->name, "queue requeue");
}

TEST(arguments, a_negative_number_is_an_operand_and_an_option_of_the_verb_wins) {
  EXPECT_EQ(read({"scale", "web", "-1"}).operands, (words{"web", "-1"}));
  EXPECT_TRUE(read({"stop", "-n", "web"}).has("dry-run"));
  EXPECT_TRUE(read({"logs", "-n", "5", "web"}).has("lines"));
  EXPECT_EQ(read({"add", "-"}).operands, words{"-"});
}

TEST(arguments, a_command_line_behind_the_dashes_is_taken_to_the_letter) {
  auto given =
      read({"add", "files", "-e", "A=1", "-e", "B=", "--", "sh", "-c", "exit 1", "--", "-s"});
  EXPECT_EQ(given.operands, words{"files"});
  EXPECT_EQ(given.command_line, (words{"sh", "-c", "exit 1", "--", "-s"}));
  EXPECT_EQ(given.options.at("env"), (words{"A=1", "B="}));
}

TEST(arguments, what_is_not_known_is_refused_with_what_was_meant) {
  EXPECT_EQ(refusal({}), "say what to do: 'smctl help' shows all verbs");
  EXPECT_EQ(refusal({"strat", "web"}), "there is no verb 'strat'; did you mean 'start'?");
  EXPECT_EQ(refusal({"xyzzy"}), "there is no verb 'xyzzy'; 'smctl help' shows all");
  EXPECT_EQ(refusal({"queue", "psuh"}), "there is no verb 'queue psuh'; did you mean 'push'?");
  EXPECT_EQ(refusal({"logs", "--folow", "web"}),
            "there is no option '--folow' of 'logs'; did you mean '--follow'?");
  EXPECT_EQ(refusal({"--sever", "/x", "status"}),
            "there is no option '--sever'; did you mean '--server'?");
  EXPECT_EQ(refusal({"status", "-z"}),
            "there is no option '-z' of 'status'; see 'smctl help status'");
  EXPECT_EQ(refusal({"status", "-o", "jsno"}),
            "--output has no value 'jsno'; did you mean 'json'?");
  EXPECT_EQ(refusal({"completion", "bsh"}), "SHELL cannot be 'bsh'; did you mean 'bash'?");
}

TEST(arguments, values_are_read_strictly) {
  for (auto* number : {"", " 5", "5 ", "+5", "0x10", "1e3", "-1", "10001", "99999999999999999999"})
    EXPECT_EQ(refusal({"logs", "web", "--lines", number})
                  .find("--lines must be a whole number from 0 to 10000"),
              0U)
        << number;
  EXPECT_EQ(read({"logs", "web", "--lines", "010"}).number("lines", 0), 10U);
  EXPECT_NE(refusal({"status", "--timeout", "5x"}).find("--timeout '5x' is no duration"),
            std::string::npos);
  EXPECT_EQ(refusal({"status", "--timeout"}), "--timeout needs a value: DURATION");
  EXPECT_EQ(refusal({"status", "--quiet=1"}), "--quiet takes no value");
  EXPECT_EQ(refusal({"status", "-o", "json", "-o", "wide"}), "--output is given twice");
  EXPECT_NE(refusal({"stop", "\xff"}), "taken");
  EXPECT_EQ(refusal({"stop"}).find("'stop' needs SERVICE: "), 0U);
  EXPECT_EQ(refusal({"version", "web"}), "'version' takes no 'web'; see 'smctl help version'");
}

TEST(arguments, help_and_version_are_verbs_too) {
  EXPECT_EQ(read({"--help"}).verb->name, "help");
  EXPECT_EQ(read({"queue", "push", "-h"}).operands, words{"queue push"});
  EXPECT_EQ(read({"stop", "--help"}).operands, words{"stop"});
  EXPECT_EQ(read({"--version"}).verb->name, "version");
  EXPECT_EQ(read({"add", "x", "--", "sh", "--help"}).verb->name, "add");
}

TEST(arguments, of_a_command_are_pairs_or_one_document) {
  auto of = [](const words& given) {
    auto read_ = read_command_arguments(given);
    return read_ ? print_json(*read_) : "refused";
  };
  EXPECT_EQ(of({}), "null");
  EXPECT_EQ(of({"x=1", "y=two", "z=[1,2]", "e=", "n=null", "o=007", "t=a=b"}),
            R"({"e":"","n":null,"o":"007","t":"a=b","x":1,"y":"two","z":[1,2]})");
  EXPECT_EQ(of({R"({"x": 1})"}), R"({"x":1})");
  EXPECT_EQ(of({"[1, \"=\"]"}), R"([1,"="])");
  EXPECT_EQ(of({"5"}), "5");
  EXPECT_EQ(of({"\"a=b\""}), "\"a=b\"");
  for (auto& bad : {words{"word"}, words{""}, words{"x=1", "word"}, words{"x=1", "x=2"},
                    words{"{\"x\": 1}", "y=2"}, words{"=1"}, words{"{broken"}})
    EXPECT_EQ(of(bad), "refused") << bad.front();
}

TEST(arguments, a_field_is_set_within_objects) {
  json document{{"name", "web"}, {"backoff", {{"min", "1s"}}}};
  EXPECT_TRUE(set_field(document, "restart=never"));
  EXPECT_TRUE(set_field(document, "backoff.max=5s"));
  EXPECT_TRUE(set_field(document, "params.deep.x=[1]"));
  EXPECT_EQ(document["restart"], "never");
  EXPECT_EQ(document["backoff"], (json{{"min", "1s"}, {"max", "5s"}}));
  EXPECT_EQ(document["params"]["deep"]["x"], json({1}));
  for (auto* bad : {"x", "=1", "name.x=1", "a b=1"}) EXPECT_FALSE(set_field(document, bad)) << bad;
}

}  // namespace sm::ctl
