#include "redis_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>

extern char** environ;

namespace sm::test {
namespace {

pid_t spawn(std::vector<std::string> command, int out) {
  std::vector<char*> argv;
  for (auto& text : command) argv.push_back(text.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, out, 2);
  pid_t pid = -1;
  int failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + command[0]);
  return pid;
}

}  // namespace

int free_port() {
  std::random_device random;
  for (int tries = 0; tries < 100; ++tries) {
    auto port = static_cast<int>(10'000 + random() % 20'000);
    int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool free = ::bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(s);
    if (free) return port;
  }
  throw std::runtime_error("no port is free");
}

redis_server::redis_server(std::vector<std::string> options, const std::string& config)
    : options_(std::move(options)), has_config_(!config.empty()), port_(free_port()) {
  if (has_config_) std::ofstream(folder_.path() / "conf") << config;
  start();
}

redis_server::~redis_server() {
  if (pid_ > 0) kill(SIGKILL);
}

void redis_server::start() {
  std::vector<std::string> command{"redis-server",
                                   "--bind",
                                   "127.0.0.1",
                                   "--port",
                                   std::to_string(port_),
                                   "--dir",
                                   folder_.path().string(),
                                   "--save",
                                   "",
                                   "--unixsocket",
                                   (folder_.path() / "redis.sock").string(),
                                   "--loglevel",
                                   "warning"};
  if (has_config_) command.insert(command.begin() + 1, (folder_.path() / "conf").string());
  command.insert(command.end(), options_.begin(), options_.end());
  int log =
      ::open((folder_.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = spawn(std::move(command), log);
  ::close(log);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!answers()) {
    if (std::chrono::steady_clock::now() > deadline || ::waitpid(pid_, nullptr, WNOHANG) != 0)
      throw std::runtime_error("redis-server does not answer");
    ::poll(nullptr, 0, 5);
  }
}

bool redis_server::answers() const {
  int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool there = ::connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(s);
  return there;
}

void redis_server::kill(int signal_number) {
  ::kill(pid_, signal_number);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void redis_server::signal(int signal_number) const { ::kill(pid_, signal_number); }

std::string redis_server::cli(const std::vector<std::string>& command) const {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  std::vector<std::string> all{"redis-cli", "-p", std::to_string(port_), "--no-auth-warning"};
  all.insert(all.end(), command.begin(), command.end());
  auto pid = spawn(std::move(all), ends[1]);
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> chunk;
  for (ssize_t n = 0; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;)
    text.append(chunk.data(), static_cast<std::size_t>(n));
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace sm::test
