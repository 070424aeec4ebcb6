#include "queue/sqlite/wake_up.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <string>

#include "system/system_error.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;

fs::path wake_folder(const fs::path& database) { return database.string() + "-wake"; }

result<sockaddr_un> address_of(const fs::path& file) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto text = file.string();
  if (text.size() >= sizeof address.sun_path)
    return fail(errc::unavailable, "the path is too long for a socket (107 bytes)", text);
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

}  // namespace

result<wake_up_receiver> wake_up_receiver::open(const fs::path& database) {
  auto folder = wake_folder(database);
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (ec) return system_failure("cannot make the folder", folder.string(), ec.value());
  static std::atomic<unsigned> counter{0};
  auto visible = folder / (std::to_string(::getpid()) + "-" + std::to_string(counter++));
  auto hidden = visible.string() + ".off";
  unique_fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("cannot make a socket");
  auto address = address_of(hidden);
  if (!address) return tl::unexpected<error>(address.error());
  fs::remove(hidden, ec);
  fs::remove(visible, ec);
  // What consumers that were killed left here.
  for (auto& entry : fs::directory_iterator(folder, ec)) {
    auto name = entry.path().filename().string();
    auto pid = parse_integer<pid_t>(std::string_view(name).substr(0, name.find('-')), 1);
    if (pid && ::kill(*pid, 0) != 0 && errno == ESRCH) fs::remove(entry.path(), ec);
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return system_failure("cannot bind", hidden);
  unique_fd interrupter(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!interrupter) return system_failure("cannot make an eventfd");
  return wake_up_receiver(std::move(socket), std::move(interrupter), hidden, visible);
}

wake_up_receiver::wake_up_receiver(unique_fd socket, unique_fd interrupter, fs::path hidden,
                                   fs::path visible)
    : socket_(std::move(socket)),
      interrupter_(std::move(interrupter)),
      hidden_(std::move(hidden)),
      visible_(std::move(visible)) {}

wake_up_receiver::~wake_up_receiver() {
  if (!socket_) return;
  ::unlink(visible_.c_str());
  ::unlink(hidden_.c_str());
}

void wake_up_receiver::announce() { ::rename(hidden_.c_str(), visible_.c_str()); }
void wake_up_receiver::withdraw() { ::rename(visible_.c_str(), hidden_.c_str()); }

bool wake_up_receiver::wait(std::chrono::milliseconds timeout) {
  pollfd watched[] = {{socket_.get(), POLLIN, 0}, {interrupter_.get(), POLLIN, 0}};
  bool woken = ::poll(watched, 2, static_cast<int>(timeout.count())) > 0;
  char drop[8];
  while (::recv(socket_.get(), drop, sizeof drop, 0) >= 0) {
  }
  [[maybe_unused]] auto n = ::read(interrupter_.get(), drop, sizeof drop);
  return woken;
}

void wake_up_receiver::interrupt() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(interrupter_.get(), &one, sizeof one);
}

void wake_up(const fs::path& database) {
  std::error_code ec;
  static thread_local unique_fd sender;
  for (auto& entry : fs::directory_iterator(wake_folder(database), ec)) {
    if (entry.path().extension() == ".off") continue;
    auto address = address_of(entry.path());
    if (!address) return;
    if (!sender) sender.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    auto sent = ::sendto(sender.get(), "w", 1, MSG_NOSIGNAL,
                         reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
    if (sent < 0 && errno == ECONNREFUSED) fs::remove(entry.path(), ec);
  }
}

}  // namespace sm
