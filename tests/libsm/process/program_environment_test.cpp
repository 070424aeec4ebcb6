#include "process/program_environment.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sm {
namespace {

using variables = std::vector<std::string>;

const variables outer{"PATH=/bin",          "HOME=/root",
                      "USER=root",          "LC_ALL=C",
                      "TOKEN=secret",       "SM_QUEUE__URL=redis://:p@h",
                      "NOTIFY_SOCKET=/x",   "WATCHDOG_USEC=1",
                      "WATCHDOG_PID=1",     "LISTEN_FDS=1",
                      "LISTEN_PID=1",       "LISTEN_FDNAMES=a",
                      "MAINPID=1",          "INVOCATION_ID=1",
                      "JOURNAL_STREAM=1:2", "CREDENTIALS_DIRECTORY=/c"};

std::set<std::string> made(const service_spec& spec, const identity& who = {},
                           const std::vector<std::pair<std::string, std::string>>& given = {}) {
  auto list = program_environment(spec, who, outer, given);
  std::set<std::string> all(list.begin(), list.end());
  EXPECT_EQ(all.size(), list.size()) << "no variable twice";
  return all;
}

}  // namespace

TEST(program_environment, what_describes_another_start_is_never_inherited) {
  EXPECT_EQ(made({}), (std::set<std::string>{"HOME=/root", "LC_ALL=C", "PATH=/bin", "TOKEN=secret",
                                             "USER=root"}));
  EXPECT_EQ(made({.inherit_env = {"SM_*", "NOTIFY_SOCKET"}}), (std::set<std::string>{}));
}

TEST(program_environment, what_is_given_wins_and_the_specification_over_what_is_inherited) {
  service_spec spec{.env = {{"SM_MODE", "x"}, {"PATH", "/opt"}}, .inherit_env = {"PATH"}};
  EXPECT_EQ(made(spec, {}, {{"NOTIFY_SOCKET", "/ours"}}),
            (std::set<std::string>{"NOTIFY_SOCKET=/ours", "PATH=/opt", "SM_MODE=x"}));
}

TEST(program_environment, a_user_has_its_own_home_and_none_of_the_managers_secrets) {
  identity nobody{.uid = 65534,
                  .gid = 65534,
                  .groups = {},
                  .name = "nobody",
                  .home = "/none",
                  .shell = "/bin/false"};
  EXPECT_EQ(made({}, nobody),
            (std::set<std::string>{"HOME=/none", "LC_ALL=C", "LOGNAME=nobody", "PATH=/bin",
                                   "SHELL=/bin/false", "USER=nobody"}));
  EXPECT_TRUE(made({.inherit_env = {"*", "TOKEN"}}, nobody).contains("TOKEN=secret"));
  EXPECT_TRUE(made({.env = {{"HOME", "/srv"}}}, nobody).contains("HOME=/srv"));
  identity number{.uid = 4711, .gid = 4711, .groups = {}, .name = {}, .home = {}, .shell = {}};
  EXPECT_EQ(made({}, number), (std::set<std::string>{"LC_ALL=C", "PATH=/bin"}));
}

}  // namespace sm
