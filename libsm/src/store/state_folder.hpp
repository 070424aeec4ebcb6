// The folder in which one manager keeps everything: held by a lock, so that there is only one.
#pragma once

#include <filesystem>
#include <sm/error.hpp>
#include <string>

#include "system/unique_fd.hpp"

namespace sm {

/// Whether a file has to outlive a power failure, which costs an fsync.
enum class lasting { on_disk, for_this_run };

class state_folder {
 public:
  /// Makes the folder (mode 0700) and takes its lock; `conflict` with the holder's pid when another
  /// manager runs on it. One that is there must be ours and nobody else's to enter, or it is
  /// `forbidden` with the command that mends it: whoever may write to it could give us services
  /// to run. A symbolic link is followed when it is ours or root's.
  static result<state_folder> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path log_folder() const { return path_ / "log"; }
  std::filesystem::path lock_folder() const { return path_ / "lock.d"; }

  /// Makes again the folders in it that were removed.
  result<void> make_folders() const;

  /// The API's bearer token.
  result<std::string> token() const { return secret("token"); }
  /// A random text in the file `name`: made at the first start, readable by the owner alone.
  result<std::string> secret(const std::string& name) const;
  /// Writes a small file as a whole or not at all.
  result<void> write_file(const std::string& name, const std::string& content,
                          lasting how = lasting::on_disk) const;

 private:
  state_folder(std::filesystem::path path, unique_fd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  unique_fd lock_;
};

/// What decides about the default place. Texts that are no absolute path are as good as none, as
/// the XDG base directory specification has it.
struct state_surroundings {
  std::string state_directory{};  ///< $STATE_DIRECTORY of systemd; the first of several
  std::string xdg_state_home{};
  std::string home{};         ///< $HOME
  std::string passwd_home{};  ///< of the user's entry in passwd
  bool root = false;
};
state_surroundings own_surroundings();

/// $STATE_DIRECTORY/PROGRAM; for root /var/lib/sm/PROGRAM; $XDG_STATE_HOME/sm/PROGRAM;
/// ~/.local/state/sm/PROGRAM. Fails with `bad_arguments` where there is none of them: never in a
/// place that is everybody's.
result<std::filesystem::path> default_state_path(const std::string& program,
                                                 const state_surroundings& around);

}  // namespace sm
