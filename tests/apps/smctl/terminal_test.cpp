// smctl within terminals of tmux, and its completion within three shells.
#include <fstream>

#include "smctl_fixture.hpp"
#include "table.hpp"

namespace sm::test {
namespace {

class smctl_in_terminal : public smctl_fixture {
 protected:
  void SetUp() override {
    if (!is_installed("tmux")) GTEST_SKIP() << "there is no tmux";
  }

  static void expect_fits(const std::string& screen, std::size_t width) {
    for (std::string_view rest = screen; !rest.empty();) {
      auto end = rest.find('\n');
      EXPECT_LE(ctl::display_width(rest.substr(0, end)), width) << screen;
      rest.remove_prefix(end + 1);
    }
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
    return n;
  }
};

class smctl_completion : public smctl_fixture {
 protected:
  /// A folder with "smctl" in it, for PATH.
  smctl_completion() { std::filesystem::create_symlink(SMCTL, bin_.path() / "smctl"); }
  std::vector<std::string> environment() const {
    return {"PATH=" + bin_.path().string() + ":" + std::getenv("PATH"),
            "SM_SERVER=" + app.state().string(), "HOME=" + bin_.path().string()};
  }
  temporary_folder bin_;
};

}  // namespace

TEST_F(smctl_in_terminal, status_is_shown_anew_when_something_changes_and_fits) {
  EXPECT_EQ(add(tool_named("a-service-with-a-name-that-takes-room")).status, 201);
  for (int width : {80, 200}) {
    tmux_terminal terminal(width, 20, line("status -w"));
    ASSERT_TRUE(terminal.shows("5 services: 5 RUNNING")) << terminal.screen();
    auto screen = terminal.screen();
    expect_fits(screen, static_cast<std::size_t>(width));
    EXPECT_EQ(count(screen, "consumer.default"), 1U) << screen;
    EXPECT_EQ(screen.find("RESTARTS") != screen.npos, width == 200) << screen;
    EXPECT_EQ(smctl({"stop", "b"}).code, 0);
    EXPECT_TRUE(terminal.shows("4 RUNNING, 1 STOPPED")) << terminal.screen();
    EXPECT_EQ(count(terminal.screen(), "queue.clock"), 1U) << "drawn over what was there";
    EXPECT_EQ(smctl({"start", "b"}).code, 0);
    EXPECT_TRUE(terminal.shows("5 services: 5 RUNNING"));
    terminal.type("q");
    EXPECT_TRUE(terminal.shows("ended with 0")) << terminal.screen();
    EXPECT_EQ(terminal.screen().find("NAME"), std::string::npos) << "the screen is as before";
  }
}

TEST_F(smctl_in_terminal, top_shows_who_is_busy_and_sorts_by_key) {
  EXPECT_EQ(add(tool_named("busy", json::object(), {{"watchdog", "0ms"}})).status, 201);
  EXPECT_TRUE(reaches("busy", "RUNNING"));
  // It is never answered, but has to be sent within that.
  smctl({"call", "busy", "spin", "--timeout", "1s"});
  for (int width : {80, 200}) {
    tmux_terminal terminal(width, 20, line("top --interval 200ms"));
    ASSERT_TRUE(eventually([&] {
      auto screen = terminal.screen();
      auto busy = screen.find("\nbusy "), other = screen.find("\na ");
      return screen.find("CPU%") != screen.npos && busy < other && other != screen.npos;
    })) << terminal.screen();
    expect_fits(terminal.screen(), static_cast<std::size_t>(width));
    terminal.type("n");
    EXPECT_TRUE(terminal.shows("sorted by name")) << terminal.screen();
    EXPECT_TRUE(eventually([&] {
      auto screen = terminal.screen();
      return screen.find("\na ") < screen.find("\nbusy ");
    }));
    terminal.resize(60, 10);
    EXPECT_TRUE(eventually([&] {
      auto screen = terminal.screen();
      return count(screen, "queue.clock") == 1 && screen.find("UPTIME") == screen.npos;
    })) << terminal.screen();
    terminal.type("q");
    EXPECT_TRUE(terminal.shows("ended with 0"));
  }
}

TEST_F(smctl_in_terminal, logs_of_several_are_followed_with_prefixes_and_nothing_is_obeyed) {
  for (auto* name : {"one", "other"})
    EXPECT_EQ(add({{"name", name},
                   {"command",
                    {"sh", "-c",
                     "printf 'a \\033[2Jb\\n'; while read x; do :; done < /dev/null; "
                     "until [ -e go ]; do sleep 0.02; done; echo gone on; exec sleep 1000"}},
                   {"directory", app.state().string()}})
                  .status,
              201);
  for (int width : {80, 200}) {
    tmux_terminal terminal(width, 20, line("logs -f one other --no-color"));
    EXPECT_TRUE(terminal.shows("one   | ")) << terminal.screen();
    EXPECT_TRUE(terminal.shows("other | ")) << terminal.screen();
    EXPECT_TRUE(terminal.shows("a \\x1b[2Jb")) << terminal.screen();
    std::ofstream(app.state() / "go") << "go";
    EXPECT_TRUE(eventually([&] { return count(terminal.screen(), "gone on") == 2; }))
        << terminal.screen();
  }
}

TEST_F(smctl_in_terminal, what_destroys_is_asked_for) {
  tmux_terminal terminal(80, 10, line("remove b"));
  ASSERT_TRUE(terminal.shows("Stop and remove b? [y/N]")) << terminal.screen();
  terminal.type("Enter");
  EXPECT_TRUE(terminal.shows("ended with 1")) << terminal.screen();
  EXPECT_EQ(app.service("b")["state"], "RUNNING");
  tmux_terminal again(80, 10, line("remove b"));
  ASSERT_TRUE(again.shows("[y/N]"));
  again.type("y");
  again.type("Enter");
  EXPECT_TRUE(again.shows("b: removed")) << again.screen();
}

TEST_F(smctl_in_terminal, what_takes_long_says_so) {
  EXPECT_EQ(add(tool_named("slow", {{"start_ms", 4000}})).status, 201);
  tmux_terminal terminal(80, 10, line("start slow"));
  EXPECT_TRUE(terminal.shows("starting slow (1 s)")) << terminal.screen();
  EXPECT_TRUE(terminal.shows("slow: started")) << terminal.screen();
  EXPECT_EQ(terminal.screen().find("starting"), std::string::npos) << terminal.screen();
}

TEST_F(smctl_completion, of_bash_offers_verbs_and_names) {
  auto offered = [&](const std::string& typed) {
    auto script = "source <(smctl completion bash); COMP_LINE='" + typed +
                  "'; COMP_POINT=${#COMP_LINE}; _smctl; printf '%s\\n' \"${COMPREPLY[@]}\"";
    auto done = run_command({"bash", "--norc", "-c", script}, {}, environment());
    EXPECT_EQ(done.code, 0) << done.err;
    return done.out;
  };
  EXPECT_EQ(offered("smctl sta"), "status\nstart\n");
  EXPECT_EQ(offered("smctl stop con"), "consumer.default\n");
  EXPECT_EQ(offered("smctl stop group:s"), "sm\n") << "':' begins a word of bash";
  EXPECT_EQ(offered("smctl status --output=js"), "json\njsonl\n");
  EXPECT_EQ(offered("smctl queue pau"), "pause\n");
}

TEST_F(smctl_completion, of_zsh_offers_verbs_and_names) {
  if (!is_installed("zsh")) GTEST_SKIP() << "there is no zsh";
  if (!is_installed("tmux")) GTEST_SKIP() << "there is no tmux";
  std::ofstream(bin_.path() / ".zshrc")
      << "PS1='> '; autoload -U compinit; compinit -u; source <(smctl completion zsh)\n";
  auto with = environment();
  tmux_terminal terminal(100, 30,
                         "env '" + with[0] + "' '" + with[1] + "' '" + with[2] +
                             "' ZDOTDIR=" + bin_.path().string() + " zsh -i");
  ASSERT_TRUE(terminal.shows(">"));
  terminal.type("smctl stop con");
  terminal.type("Tab");
  EXPECT_TRUE(terminal.shows("smctl stop consumer.default")) << terminal.screen();
  terminal.type("C-u");
  terminal.type("smctl sta");
  terminal.type("Tab");
  EXPECT_TRUE(terminal.shows("show services and whether they run")) << terminal.screen();
}

TEST_F(smctl_completion, of_fish_offers_verbs_and_names) {
  if (!is_installed("fish")) GTEST_SKIP() << "there is no fish";
  auto offered = [&](const std::string& typed) {
    auto done = run_command({"fish", "--no-config", "-c",
                             "smctl completion fish | source; complete -C '" + typed + "'"},
                            {}, environment());
    EXPECT_EQ(done.code, 0) << done.err;
    return done.out;
  };
  EXPECT_NE(offered("smctl sta").find("status\tshow services"), std::string::npos);
  EXPECT_EQ(offered("smctl stop con"), "consumer.default\tRUNNING\n");
  EXPECT_EQ(offered("smctl queue pau"), "pause\thold a queue: no job of it begins\n");
}

}  // namespace sm::test
