#include "process/listeners.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"

namespace sm {
namespace {

constexpr std::string_view listening = "0A";  // TCP_LISTEN, in hexadecimal

struct endpoint {
  std::string address;  // bytes in network order
  std::uint16_t port = 0;
};

endpoint endpoint_of(const sockaddr_storage& s) {
  if (s.ss_family == AF_INET) {
    auto& in = reinterpret_cast<const sockaddr_in&>(s);
    return {{reinterpret_cast<const char*>(&in.sin_addr), 4}, ntohs(in.sin_port)};
  }
  auto& in = reinterpret_cast<const sockaddr_in6&>(s);
  return {{reinterpret_cast<const char*>(&in.sin6_addr), 16}, ntohs(in.sin6_port)};
}

/// ::ffff:a.b.c.d as a.b.c.d.
std::string unmapped(const std::string& address) {
  static const std::string prefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  return address.size() == 16 && address.starts_with(prefix) ? address.substr(12) : address;
}

bool is_any(const std::string& address) {
  return std::all_of(address.begin(), address.end(), [](char c) { return c == 0; });
}

bool is_loopback(const std::string& address) {
  static const std::string six = std::string(15, '\0') + '\x01';
  return address.size() == 4 ? address[0] == 127 : address == six;
}

template <class Number>
bool read_number(std::string_view text, Number& out, int base) {
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return ec == std::errc{} && end == text.data() + text.size();
}

/// The kernel prints each 32 bits as a number of the host.
bool read_address(std::string_view hex, std::string& out) {
  if (hex.size() != 8 && hex.size() != 32) return false;
  for (std::size_t at = 0; at < hex.size(); at += 8) {
    std::uint32_t word = 0;
    if (!read_number(hex.substr(at, 8), word, 16)) return false;
    out.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return true;
}

std::string text_of(const char* path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool holds_one_of(pid_t pid, const std::vector<std::uint64_t>& inodes) {
  auto folder = "/proc/" + std::to_string(pid) + "/fd";
  std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(folder.c_str()), ::closedir);
  while (auto* entry = list ? ::readdir(list.get()) : nullptr) {
    std::array<char, 64> target{};
    auto n = ::readlinkat(::dirfd(list.get()), entry->d_name, target.data(), target.size() - 1);
    constexpr std::string_view prefix = "socket:[";
    std::string_view link(target.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (!link.starts_with(prefix) || !link.ends_with(']')) continue;
    std::uint64_t inode = 0;
    if (read_number(link.substr(prefix.size(), link.size() - prefix.size() - 1), inode, 10) &&
        std::find(inodes.begin(), inodes.end(), inode) != inodes.end())
      return true;
  }
  return false;
}

}  // namespace

std::vector<listener> parse_listeners(std::string_view text) {
  std::vector<listener> all;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    if (!(fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode) ||
        state != listening)
      continue;
    listener l;
    auto colon = local.find(':');
    if (colon != local.npos && read_address(std::string_view(local).substr(0, colon), l.address) &&
        read_number(std::string_view(local).substr(colon + 1), l.port, 16) &&
        read_number(std::string_view(inode), l.inode, 10))
      all.push_back(std::move(l));
  }
  return all;
}

std::optional<connection_ends> ends_of(int socket) {
  connection_ends ends;
  socklen_t size = sizeof ends.local;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&ends.local), &size) != 0)
    return std::nullopt;
  size = sizeof ends.peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&ends.peer), &size) != 0)
    return std::nullopt;
  return ends;
}

std::vector<std::uint64_t> takers_of(const connection_ends& ends,
                                     const std::vector<listener>& all) {
  auto local = endpoint_of(ends.local), peer = endpoint_of(ends.peer);
  auto address = unmapped(peer.address);
  // A connection to an address of this host comes from that address.
  if (!is_loopback(address) && address != unmapped(local.address)) return {};
  std::vector<std::uint64_t> inodes;
  for (auto& l : all) {
    // The unspecified address of IPv6 takes IPv4, too, unless told otherwise.
    bool takes_any = is_any(l.address) && l.address.size() >= address.size();
    if (l.port == peer.port && (takes_any || unmapped(l.address) == address))
      inodes.push_back(l.inode);
  }
  return inodes;
}

std::optional<pid_t> older_owner(const connection_ends& ends, pid_t root) {
  auto all = parse_listeners(text_of("/proc/self/net/tcp"));
  auto six = parse_listeners(text_of("/proc/self/net/tcp6"));
  all.insert(all.end(), six.begin(), six.end());
  auto inodes = takers_of(ends, all);
  if (inodes.empty()) return std::nullopt;
  auto tree = descendants_of(root);
  for (auto pid : tree)
    if (holds_one_of(pid, inodes)) return std::nullopt;
  auto born = process_start_time(root);
  for (auto& p : list_processes())
    if (p.pid != root && p.start_time < born && holds_one_of(p.pid, inodes)) return p.pid;
  return std::nullopt;
}

}  // namespace sm
