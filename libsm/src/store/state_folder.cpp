#include "store/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <sstream>
#include <vector>

#include "process/system_error.hpp"

namespace sm {

namespace fs = std::filesystem;

result<state_folder> state_folder::open(const fs::path& path) {
  std::error_code ec;
  fs::create_directories(path / "log", ec);
  if (!ec) fs::create_directories(path / "lock.d", ec);
  if (ec) return system_failure("cannot make the state folder", path.string(), ec.value());
  ::chmod(path.c_str(), 0700);
  auto file = (path / "lock").string();
  unique_fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return system_failure("cannot open the lock", file);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    std::string pid;
    std::ifstream(file) >> pid;
    return fail(errc::conflict, "a manager runs on this state folder already, with pid " + pid,
                path.string());
  }
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return system_failure("cannot write the lock", file);
  return state_folder(fs::absolute(path), std::move(lock));
}

result<std::string> state_folder::token() const {
  auto file = path_ / "token";
  std::string token;
  if (std::ifstream in(file); in >> token && token.size() >= 32) return token;
  token = random_hex(32);
  if (auto ok = write_file("token", token + "\n"); !ok) return tl::unexpected<error>(ok.error());
  return token;
}

result<void> state_folder::write_file(const std::string& name, const std::string& content) const {
  auto target = path_ / name;
  auto draft = path_ / (name + ".new");
  {
    unique_fd out(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out) return system_failure("cannot write", draft.string());
    if (::write(out.get(), content.data(), content.size()) !=
            static_cast<ssize_t>(content.size()) ||
        ::fsync(out.get()) != 0)
      return system_failure("cannot write", draft.string());
  }
  if (::rename(draft.c_str(), target.c_str()) != 0)
    return system_failure("cannot write", target.string());
  return {};
}

fs::path default_state_path(const std::string& program) {
  const char* base = std::getenv("XDG_STATE_HOME");
  if (base && *base) return fs::path(base) / "sm" / program;
  const char* home = std::getenv("HOME");
  return fs::path(home && *home ? home : "/tmp") / ".local/state/sm" / program;
}

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  for (std::size_t filled = 0; filled < bytes;)
    if (auto n = ::getrandom(raw.data() + filled, bytes - filled, 0); n > 0)
      filled += static_cast<std::size_t>(n);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (auto byte : raw) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace sm
