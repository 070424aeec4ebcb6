#include "http/client/server_address.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "process/tcp_connect.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view socket_name = "sm.sock";
constexpr std::string_view usual_program = "smd";
constexpr std::string_view usual_port = "9501";
constexpr std::chrono::seconds look_patience{2};

result<server_address> parse_http(std::string_view given, std::string_view rest) {
  auto wrong = [&](const std::string& why) {
    return fail(errc::bad_arguments,
                in_quotes(given) + " " + why + "; write for example http://127.0.0.1:9501");
  };
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != rest.npos) return wrong("has more than a host and a port");
  server_address address;
  std::string_view port = usual_port;
  auto colon = rest.rfind(':');
  if (colon != rest.npos && rest.find(']', colon) == rest.npos) {
    port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) return wrong("names no host");
  if (auto number = parse_integer<std::uint16_t>(port, 1); !number)
    return wrong("has a port that is none: it " + number.error().detail);
  address.host = rest;
  address.port = port;
  return address;
}

struct found {
  std::vector<std::string> serving;
  std::vector<std::string> forbidden;
  std::vector<std::string> dead;
};

void put(found& all, socket_state state, const std::string& folder) {
  if (state == socket_state::serves) all.serving.push_back(folder);
  if (state == socket_state::forbidden) all.forbidden.push_back(folder);
  if (state == socket_state::dead) all.dead.push_back(folder);
}

/// The state folders of all programs in `root`.
found look_into(const fs::path& root, const search_surroundings& where) {
  found all;
  std::error_code ec;
  std::vector<std::string> folders;
  for (fs::directory_iterator entry(root, ec), end; !ec && entry != end; entry.increment(ec))
    folders.push_back(entry->path().string());
  if (ec == std::errc::permission_denied) all.forbidden.push_back(root.string());
  std::sort(folders.begin(), folders.end());
  for (auto& folder : folders) put(all, where.look(folder), folder);
  return all;
}

std::string listed(const std::vector<std::string>& texts) {
  std::string all;
  for (auto& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

}  // namespace

std::string server_address::text() const {
  if (is_local()) return "unix://" + socket.string();
  bool numeric6 = host.find(':') != host.npos;
  return "http://" + (numeric6 ? "[" + host + "]" : host) + ":" + port;
}

result<server_address> parse_server_address(std::string_view text) {
  if (text.empty()) return fail(errc::bad_arguments, "is empty");
  if (auto ok = check_text(text); !ok) return tl::unexpected<error>(ok.error());
  if (text.starts_with("http://")) return parse_http(text, text.substr(7));
  if (text.starts_with("https://"))
    return fail(
        errc::bad_arguments,
        in_quotes(text) + ": there is no TLS; a tunnel (ssh -L) reaches a Unix socket, too");
  if (text.starts_with("unix://"))
    text.remove_prefix(7);
  else if (text.starts_with("unix:"))
    text.remove_prefix(5);
  else if (auto scheme = text.find("://"); scheme != text.npos)
    return fail(errc::bad_arguments, in_quotes(text) + " is neither unix:// nor http://");
  server_address address;
  address.socket = fs::path(text);
  std::error_code ec;
  if (fs::is_directory(address.socket, ec)) address.socket /= socket_name;
  if (address.socket.string().size() >= sizeof(sockaddr_un::sun_path))
    return fail(errc::bad_arguments, in_quotes(text) + " is too long for a socket (107 bytes)");
  return address;
}

socket_state look_at(const fs::path& state_folder) {
  auto path = (state_folder / socket_name).string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return socket_state::none;
  std::memcpy(address.sun_path, path.data(), path.size());
  std::error_code ec;
  auto status = fs::status(path, ec);
  if (ec == std::errc::permission_denied) return socket_state::forbidden;
  if (ec || status.type() != fs::file_type::socket) return socket_state::none;
  auto connected = connect_socket(reinterpret_cast<const sockaddr*>(&address), sizeof address, path,
                                  std::chrono::steady_clock::now() + look_patience);
  if (connected) return socket_state::serves;
  return ::access(path.c_str(), W_OK) != 0 ? socket_state::forbidden : socket_state::dead;
}

result<server_address> find_manager(const search_surroundings& where) {
  std::vector<std::string> looked{"--server", "SM_SERVER"};
  found without;
  auto address_in = [](const fs::path& folder) {
    return server_address{folder / socket_name, {}, {}};
  };
  for (auto folder = where.here;; folder = folder.parent_path()) {
    auto state = where.look(folder / ".sm");
    if (state == socket_state::serves) return address_in(folder / ".sm");
    put(without, state, (folder / ".sm").string());
    if (!folder.has_relative_path()) break;
  }
  looked.push_back((where.here / ".sm").string() + " and above");

  std::vector<fs::path> roots;
  if (auto own = default_state_path(std::string(usual_program), where.around))
    roots.push_back(own->parent_path());
  if (std::find(roots.begin(), roots.end(), where.system) == roots.end())
    roots.push_back(where.system);
  for (auto& root : roots) {
    auto all = look_into(root, where);
    auto usual = (root / usual_program).string();
    if (std::find(all.serving.begin(), all.serving.end(), usual) != all.serving.end())
      return address_in(usual);
    if (all.serving.size() == 1) return address_in(all.serving.front());
    if (all.serving.size() > 1)
      return fail(
          errc::bad_arguments,
          "several managers serve here; choose one with --server FOLDER: " + listed(all.serving));
    for (auto list : {&found::forbidden, &found::dead})
      (without.*list).insert((without.*list).end(), (all.*list).begin(), (all.*list).end());
    looked.push_back(root.string() + "/*");
  }
  if (!without.forbidden.empty())
    return fail(errc::forbidden,
                "the manager there is another user's: become that user (sudo), or use --server "
                "http://HOST:PORT with its token",
                listed(without.forbidden));
  if (!without.dead.empty())
    return fail(errc::unavailable,
                "no manager runs; the last one's folder: " + listed(without.dead));
  return fail(errc::unavailable, "no manager was found; looked at " + listed(looked));
}

}  // namespace sm
