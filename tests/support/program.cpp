#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace sm::test {

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

bool alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  auto state = line[line.rfind(')') + 2];
  return state != 'Z' && state != 'X';
}

std::string title_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
  std::string title;
  std::getline(file, title, '\0');
  if (title.ends_with(' ')) title.pop_back();
  return title;
}

program::program(const std::string& executable, std::vector<std::string> arguments,
                 std::vector<std::string> environment)
    : executable_(executable),
      arguments_(std::move(arguments)),
      environment_(std::move(environment)) {
  // What outlives the program becomes ours, so that the test can see and end it.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  start();
}

program::~program() {
  auto children = descendants();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (auto child : children) ::kill(child, SIGKILL);
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void program::start() {
  std::error_code ignored;
  std::filesystem::remove(state() / "http", ignored);
  std::vector<std::string> texts{executable_, "--state", state().string(), "--listen",
                                 "127.0.0.1:0"};
  texts.insert(texts.end(), arguments_.begin(), arguments_.end());
  std::vector<std::string> variables;
  for (char** entry = environ; *entry; ++entry) variables.emplace_back(*entry);
  variables.insert(variables.end(), environment_.begin(), environment_.end());
  auto pointers = [](std::vector<std::string>& list) {
    std::vector<char*> out;
    for (auto& text : list) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  auto argv = pointers(texts);
  auto envp = pointers(variables);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  auto output = (state() / "stderr").string();
  posix_spawn_file_actions_addopen(&actions, 2, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // what whoever runs the tests left open
  int failed =
      ::posix_spawn(&pid_, executable_.c_str(), &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + executable_);
  bool serves = eventually([&] {
    std::ifstream file(state() / "http");
    std::string address;
    if (!std::getline(file, address)) {
      if (alive(pid_)) return serves_without_room();
      std::stringstream words;
      words << std::ifstream(output).rdbuf();
      throw std::runtime_error(executable_ + " ended: " + words.str());
    }
    port_ = std::stoi(address.substr(address.rfind(':') + 1));
    return true;
  });
  if (!serves) throw std::runtime_error(executable_ + " does not serve");
}

/// On a full disk the address may be in no file.
bool program::serves_without_room() const {
  std::error_code ec;
  if (std::filesystem::space(state(), ec).available > 0) return false;
  try {
    return api("GET", "/healthz").status == 200;
  } catch (const std::exception&) {
    return false;
  }
}

std::string program::token() const {
  std::string token;
  std::ifstream(state() / "token") >> token;
  return token;
}

void program::signal(int number) const { ::kill(pid_, number); }

int program::wait(std::chrono::milliseconds timeout) {
  unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd watched{process.get(), POLLIN, 0};
  if (::poll(&watched, 1, static_cast<int>(timeout.count())) <= 0)
    throw std::runtime_error("the program does not end");
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int program::stop() {
  signal(SIGTERM);
  return wait();
}

http_reply program::api(const std::string& method, const std::string& target,
                        const std::string& body) const {
  return http_connection((state() / "sm.sock").string()).request(method, target, body);
}

pid_t program::instance_pid(const std::string& service_name, std::size_t index) const {
  auto pid = service(service_name).at("instance_list").at(index).at("pid");
  return pid.is_null() ? 0 : pid.get<pid_t>();
}

std::vector<pid_t> program::descendants() const {
  std::vector<std::pair<pid_t, pid_t>> all;  // pid, parent
  for (auto& entry : std::filesystem::directory_iterator("/proc")) {
    auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (!std::getline(file, line)) continue;
    std::istringstream rest(line.substr(line.rfind(')') + 2));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    if (state != 'Z') all.emplace_back(std::stoi(name), parent);
  }
  // What outlived an earlier run of the program became our own child.
  std::set<pid_t> family{::getpid()};
  for (std::size_t before = 0; before != family.size();) {
    before = family.size();
    for (auto& [pid, parent] : all)
      if (family.contains(parent)) family.insert(pid);
  }
  family.erase(::getpid());
  family.erase(pid_);
  return {family.begin(), family.end()};
}

std::string program::log_of(const std::string& instance) const {
  std::stringstream text;
  text << std::ifstream(state() / "log" / (instance + ".log")).rdbuf();
  return text.str();
}

}  // namespace sm::test
