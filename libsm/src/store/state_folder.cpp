#include "store/state_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <sstream>
#include <vector>

#include "system/random.hpp"
#include "system/system_error.hpp"

namespace sm {

namespace fs = std::filesystem;

namespace {

bool is_full(int number) { return number == ENOSPC || number == EDQUOT; }

std::string name_of_user(uid_t id) {
  std::array<char, 4096> buffer;
  passwd entry{}, *found = nullptr;
  ::getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found);
  return found ? found->pw_name : std::to_string(id);
}

/// Whoever owns a link may let it lead to any folder of ours.
result<void> check_link(const std::string& path) {
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0 || !S_ISLNK(s.st_mode)) return {};
  if (s.st_uid == ::geteuid() || s.st_uid == 0) return {};
  return fail(errc::forbidden,
              "is a symbolic link of the user " + name_of_user(s.st_uid) +
                  ": name the folder itself with --state, or remove the link",
              path);
}

result<void> check_owner(int folder, const std::string& path) {
  struct stat s {};
  if (::fstat(folder, &s) != 0) return system_failure("cannot look at the state folder", path);
  auto mode = fmt::format("{:04o}", s.st_mode & 07777);
  auto is = "the state folder belongs to the user " + name_of_user(s.st_uid) +
            " and has the mode " + mode + ": ";
  if (s.st_uid != ::geteuid())
    return fail(errc::forbidden,
                is + "it must be of " + name_of_user(::geteuid()) +
                    ", who runs this program. Choose another one with --state, or, when you trust "
                    "what is in it: chown -R " +
                    name_of_user(::geteuid()) + " '" + path + "' && chmod 700 '" + path + "'",
                path);
  if ((s.st_mode & 077) != 0)
    return fail(errc::forbidden,
                is + "others may enter it. When you trust what is in it: chmod 700 '" + path + "'",
                path);
  return {};
}

/// The folder, made with mode 0700 when there is none.
result<unique_fd> open_folder(const fs::path& path) {
  if (auto parent = path.parent_path(); !parent.empty()) {
    std::error_code ec;
    fs::create_directories(parent, ec);
    if (ec) return system_failure("cannot make the state folder", path.string(), ec.value());
  }
  bool fresh = ::mkdir(path.c_str(), 0700) == 0;
  if (!fresh && errno != EEXIST)
    return system_failure("cannot make the state folder", path.string());
  if (auto ok = check_link(path.string()); !ok) return tl::unexpected<error>(ok.error());
  // What was just made is a folder, so a link in its place is somebody else's doing.
  unique_fd folder(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (fresh ? O_NOFOLLOW : 0)));
  if (!folder) return system_failure("cannot open the state folder", path.string());
  if (fresh) ::fchmod(folder.get(), 0700);  // with an odd umask it has less
  if (auto ok = check_owner(folder.get(), path.string()); !ok)
    return tl::unexpected<error>(ok.error());
  return folder;
}

}  // namespace

result<state_folder> state_folder::open(const fs::path& given) {
  // Without a slash at the end, behind which a link is not seen as one.
  auto path = fs::absolute(given.has_filename() ? given : given.parent_path());
  auto folder = open_folder(path);
  if (!folder) return tl::unexpected<error>(folder.error());
  auto file = (path / "lock").string();
  unique_fd lock(::openat(folder->get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return system_failure("cannot open the lock", file);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    std::string pid;
    std::ifstream(file) >> pid;
    return fail(errc::conflict, "a manager runs on this state folder already, with pid " + pid,
                path.string());
  }
  // In place, which needs no room. Without any the lock holds, too, and names nobody.
  auto pid = std::to_string(::getpid()) + "\n";
  bool written =
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
  [[maybe_unused]] auto cut =
      ::ftruncate(lock.get(), written ? static_cast<off_t>(pid.size()) : off_t{0});
  state_folder opened(std::move(path), std::move(lock));
  if (auto ok = opened.make_folders(); !ok && !is_full(errno))
    return tl::unexpected<error>(ok.error());
  return opened;
}

result<void> state_folder::make_folders() const {
  for (auto& folder : {log_folder(), lock_folder()})
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return system_failure("cannot make the folder", folder.string());
  return {};
}

result<std::string> state_folder::secret(const std::string& name) const {
  auto file = path_ / name;
  std::string token;
  if (std::ifstream in(file); in >> token && token.size() >= 32) return token;
  token = random_hex(32);
  if (auto ok = write_file(name, token + "\n"); !ok) return tl::unexpected<error>(ok.error());
  return token;
}

result<void> state_folder::write_file(const std::string& name, const std::string& content,
                                      lasting how) const {
  auto target = path_ / name;
  auto draft = path_ / (name + ".new");
  {
    unique_fd out(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out) return system_failure("cannot write", draft.string());
    if (::write(out.get(), content.data(), content.size()) !=
            static_cast<ssize_t>(content.size()) ||
        (how == lasting::on_disk && ::fsync(out.get()) != 0)) {
      auto failed = system_failure("cannot write", draft.string());
      ::unlink(draft.c_str());
      return failed;
    }
  }
  if (::rename(draft.c_str(), target.c_str()) != 0)
    return system_failure("cannot write", target.string());
  return {};
}

state_surroundings own_surroundings() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  state_surroundings around{.state_directory = variable("STATE_DIRECTORY"),
                            .xdg_state_home = variable("XDG_STATE_HOME"),
                            .home = variable("HOME"),
                            .root = ::geteuid() == 0};
  std::array<char, 4096> buffer;
  passwd entry{}, *found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (found) around.passwd_home = found->pw_dir;
  return around;
}

result<fs::path> default_state_path(const std::string& program, const state_surroundings& around) {
  auto absolute = [](const std::string& text) { return text.starts_with('/'); };
  auto first = around.state_directory.substr(0, around.state_directory.find(':'));
  if (absolute(first)) return fs::path(first) / program;
  if (around.root) return fs::path("/var/lib/sm") / program;
  if (absolute(around.xdg_state_home)) return fs::path(around.xdg_state_home) / "sm" / program;
  for (auto& home : {around.home, around.passwd_home})
    if (absolute(home)) return fs::path(home) / ".local/state/sm" / program;
  return fail(errc::bad_arguments,
              "there is no place for the state folder, as this user has no home: name one",
              "--state");
}

}  // namespace sm
