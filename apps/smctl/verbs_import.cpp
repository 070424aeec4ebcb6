// import: files of other managers as a configuration. It needs no manager.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "exit_codes.hpp"
#include "import/import.hpp"
#include "system/unique_fd.hpp"
#include "system/whole_file.hpp"
#include "table.hpp"
#include "terminal.hpp"
#include "verbs.hpp"

namespace sm::ctl {
namespace {

namespace fs = std::filesystem;

result<foreign_file> read_foreign(const std::string& name, const invocation& given) {
  std::error_code ec;
  foreign_file file{.path = name, .folder = fs::current_path(ec).string(), .text = {}};
  file.environment = given.value("env");
  file.look = [](const std::string& path) -> std::optional<std::string> {
    auto text = read_whole_file(path, file_max);
    return text ? std::optional(std::move(*text)) : std::nullopt;
  };
  if (name == "-") {
    file.text.resize(file_max + 1);
    std::cin.read(file.text.data(), static_cast<std::streamsize>(file.text.size()));
    file.text.resize(static_cast<std::size_t>(std::cin.gcount()));
    return file;
  }
  auto text = read_whole_file(name, file_max);
  // As systemctl has it: an instance is read from its template.
  auto at = name.find('@', name.rfind('/') + 1);
  if (!text && text.error().code == errc::not_found && at != name.npos &&
      name.ends_with(".service"))
    text = read_whole_file(name.substr(0, at + 1) + ".service", file_max);
  if (!text) return fail(errc::bad_arguments, text.error().detail, name);
  file.text = std::move(*text);
  file.folder = fs::absolute(name, ec).lexically_normal().parent_path().string();
  return file;
}

/// A new file, of its owner alone since there may be secrets in it; or with --yes what is there is
/// replaced in one step.
result<void> write_file(const std::string& path, const std::string& text, bool replace) {
  auto failed = [&] {
    if (errno == EEXIST)
      return fail(errc::bad_arguments, "is there already; --yes replaces it", path);
    return fail(errc::bad_arguments, std::string("cannot be written: ") + std::strerror(errno),
                path);
  };
  auto target = replace ? path + ".new" : path;
  if (replace) ::unlink(target.c_str());
  unique_fd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return failed();
  for (std::string_view rest = text; !rest.empty();) {
    auto n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      auto outcome = failed();
      ::unlink(target.c_str());
      return outcome;
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (replace && ::rename(target.c_str(), path.c_str()) != 0) {
    auto outcome = failed();
    ::unlink(target.c_str());
    return outcome;
  }
  return {};
}

std::string counted(std::size_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

result<int> import_files(const invocation& given) {
  imported all;
  std::string from;
  for (auto& name : given.operands) {
    auto file = read_foreign(name, given);
    if (!file) return tl::unexpected<error>(file.error());
    auto kind = given.has("from") ? result<foreign_kind>(kind_called(given.value("from")))
                                  : kind_of_file(name, file->text);
    if (!kind) return tl::unexpected<error>(kind.error());
    if (auto ok = import_file(*kind, *file, all); !ok) return tl::unexpected<error>(ok.error());
    from += (from.empty() ? "" : ", ") + (name == "-" ? "standard input" : name);
  }
  settle(all);
  bool quiet = given.has("quiet");
  std::string told;
  if (!quiet)
    for (auto& loss : all.losses) told += harmless(to_string(loss)) + "\n";
  std::fputs(told.c_str(), stderr);
  if (all.services.empty()) return fail(errc::bad_arguments, "nothing in it can be run here", from);
  auto toml =
      "# Made by 'smctl import' from " + harmless(from) + "\n\n" + services_in_toml(all.services);
  auto target = given.value("output");
  if (target.empty() || target == "-" || given.has("dry-run"))
    put(toml);
  else if (auto ok = write_file(target, toml, given.has("yes")); !ok)
    return tl::unexpected<error>(ok.error());
  if (!quiet && (!target.empty() || !all.losses.empty()))
    say(counted(all.services.size(), "service") + ", " +
        (all.losses.empty()
             ? "nothing is lost"
             : counted(all.losses.size(), "line") + " above could not be expressed"));
  return all.losses.empty() ? exits::ok : exits::failed;
}

}  // namespace sm::ctl
