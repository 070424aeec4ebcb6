#include "process/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "system/unique_fd.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

using variables = std::vector<std::pair<const char*, std::string>>;

std::string take_variable(const char* name, variables& taken) {
  const char* value = std::getenv(name);
  std::string text = value ? value : "";
  if (value) taken.emplace_back(name, text);
  ::unsetenv(name);
  return text;
}

}  // namespace

service_manager service_manager::from_environment() {
  service_manager above;
  above.address_ = take_variable("NOTIFY_SOCKET", above.taken_);
  if (above.address_.size() >= sizeof(sockaddr_un::sun_path) ||
      (!above.address_.starts_with('/') && !above.address_.starts_with('@')))
    above.address_.clear();
  auto microseconds = parse_integer<std::int64_t>(take_variable("WATCHDOG_USEC", above.taken_), 1);
  auto whom = take_variable("WATCHDOG_PID", above.taken_);
  bool ours = whom.empty() || whom == std::to_string(::getpid());
  if (microseconds && ours && above) {
    using std::chrono::milliseconds;
    above.watchdog_ = std::max(milliseconds{*microseconds / 1000}, milliseconds{2});
  }
  return above;
}

void service_manager::tell(const std::string& lines) const noexcept {
  if (address_.empty()) return;
  unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (address_.front() == '@') to.sun_path[0] = '\0';
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  if (fd)
    (void)::sendto(fd.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&to), size);
}

void service_manager::restore_environment() const {
  for (auto& [name, value] : taken_) ::setenv(name, value.c_str(), 1);
}

void service_manager::tell_reloading() const noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  auto microseconds = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

std::string status_line(const std::string& text) {
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace sm
