#include "command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "program.hpp"

namespace sm::test {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

command_result run_command(const std::vector<std::string>& words, const std::string& input,
                           const std::vector<std::string>& environment) {
  temporary_folder folder;
  auto path = [&](const char* name) { return (folder.path() / name).string(); };
  std::ofstream(path("in")) << input;
  std::vector<std::string> texts(words), variables;
  for (char** entry = environ; *entry; ++entry) variables.emplace_back(*entry);
  for (auto& one : environment) {
    auto name = one.substr(0, one.find('=') + 1);
    std::erase_if(variables, [&](auto& other) { return other.starts_with(name); });
    variables.push_back(one);
  }
  auto pointers = [](std::vector<std::string>& list) {
    std::vector<char*> out;
    for (auto& text : list) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, path("in").c_str(), O_RDONLY, 0);
  for (int fd : {1, 2})
    posix_spawn_file_actions_addopen(&actions, fd, path(fd == 1 ? "out" : "err").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
  auto argv = pointers(texts), envp = pointers(variables);
  pid_t pid = -1;
  int failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + words.front());
  int status = 0;
  if (!eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; },
                  std::chrono::seconds(60))) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), text_of(path("out")),
          text_of(path("err"))};
}

bool is_installed(const std::string& program) {
  return run_command({"sh", "-c", "command -v " + program}).code == 0;
}

tmux_terminal::tmux_terminal(int width, int height, const std::string& command) {
  auto begun = run_command(
      tmux({"new-session", "-d", "-x", std::to_string(width), "-y", std::to_string(height),
            command + "; echo \"ended with $?\"; exec cat > /dev/null"}),
      {}, {"TERM=screen", "LC_ALL=C.UTF-8"});
  if (begun.code != 0) throw std::runtime_error("tmux: " + begun.err);
}

tmux_terminal::~tmux_terminal() { run_command(tmux({"kill-server"})); }

std::vector<std::string> tmux_terminal::tmux(std::vector<std::string> words) const {
  std::vector<std::string> all{"tmux",      "-u", "-f",
                               "/dev/null", "-S", (folder_.path() / "tmux").string()};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::string tmux_terminal::screen() const { return run_command(tmux({"capture-pane", "-p"})).out; }

bool tmux_terminal::shows(const std::string& text) const {
  return eventually([&] { return screen().find(text) != std::string::npos; });
}

void tmux_terminal::type(const std::string& keys) const { run_command(tmux({"send-keys", keys})); }

void tmux_terminal::resize(int width, int height) const {
  run_command(tmux({"resize-window", "-x", std::to_string(width), "-y", std::to_string(height)}));
}

}  // namespace sm::test
