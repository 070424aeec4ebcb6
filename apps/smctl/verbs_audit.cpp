// The audit log: its last lines, and whether it is as it was written.
#include <dlfcn.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "log/audit_trail.hpp"
#include "verbs_of_one_call.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

/// SHA-256 of OpenSSL, which is loaded for this verb alone: all others start sooner without it.
result<digest_function> load_digest() {
  constexpr const char* library = "libcrypto.so.3";
  auto* lib = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  using function = unsigned char* (*)(const unsigned char*, std::size_t, unsigned char*);
  auto sha256 = lib ? reinterpret_cast<function>(::dlsym(lib, "SHA256")) : nullptr;
  if (!sha256) return fail(errc::unavailable, "hashes are made by this library", library);
  return [sha256](std::string_view text) {
    std::array<unsigned char, 32> bytes{};
    sha256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data());
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (auto b : bytes) {
      hex += digits[b >> 4];
      hex += digits[b & 15];
    }
    return hex;
  };
}

/// Those of the manager, the oldest first.
result<std::vector<std::string>> files_of_manager(session& s) {
  auto daemon = s.ask(request_for("daemon.show"));
  if (!daemon) return tl::unexpected<error>(daemon.error());
  auto newest = std::filesystem::path(text_in(*daemon, "state")) / "log" / "audit.log";
  std::vector<std::string> files;
  std::error_code ec;
  for (unsigned n = 1;; ++n) {
    auto older = newest.string() + "." + std::to_string(n);
    if (!std::filesystem::exists(older, ec)) break;
    files.insert(files.begin(), older);
  }
  files.push_back(newest.string());
  return files;
}

result<int> verify(session& s) {
  auto digest = load_digest();
  if (!digest) return tl::unexpected<error>(digest.error());
  auto files = s.given.operands;
  if (files.empty()) {
    auto found = files_of_manager(s);
    if (!found) return tl::unexpected<error>(found.error());
    files = std::move(*found);
  }
  audit_check check(*digest);
  for (auto& file : files) {
    std::ifstream in(file);
    if (!in || std::filesystem::is_directory(file))
      return fail(errc::unavailable, "cannot be read", file);
    std::string line;
    auto before = check.lines();
    for (std::uint64_t number = 1; std::getline(in, line); ++number) {
      if (line.empty()) continue;
      if (auto ok = check.add(line); !ok)
        return fail(ok.error().code, ok.error().where + ": " + ok.error().detail,
                    file + ":" + std::to_string(number));
    }
    if (check.lines() == before)
      return fail(errc::conflict, "no line of an audit log is in it", file);
  }
  auto last = check.last().value_or(audit_place{});
  json outcome{{"lines", check.lines()},
               {"first", check.first()},
               {"last", last.number},
               {"hash", last.hash},
               {"cut", check.cut()}};
  if (s.as_json()) {
    s.show(outcome);
    return exits::ok;
  }
  put(std::to_string(check.lines()) + " lines, " + std::to_string(check.first()) + " to " +
      std::to_string(last.number) + ", as they were written" +
      (check.cut() > 0
           ? "; " + std::to_string(check.cut()) + " more were cut when they were written"
           : "") +
      (check.first() > 1 ? "; those before " + std::to_string(check.first()) + " are not here"
                         : "") +
      "\nlast " + std::to_string(last.number) + " " + last.hash + "\n");
  return exits::ok;
}

table audit_table(const json& listing) {
  table t{{{"NO", 2, true}, {"TIME", 0}, {"OPERATION", 0}, {"PATH", 0}, {"OUTCOME", 0}, {"BY", 1}},
          {}};
  for (auto& entry : at(listing, "entries")) {
    auto failed = number_in(entry, "status") >= 400;
    t.rows.push_back({{print_json(at(entry, "n"))},
                      {text_in(entry, "ts").substr(0, 19)},
                      {text_in(entry, "operation"), tone::bold},
                      {text_in(entry, "path")},
                      {failed ? text_in(entry, "code") : "done", failed ? tone::bad : tone::plain},
                      {text_in(entry, "by")}});
  }
  return t;
}

result<int> list(session& s) {
  auto answer = s.ask(request_for("audit.list", {}, {{"limit", s.given.value("lines", "30")}}));
  if (!answer) return tl::unexpected<error>(answer.error());
  if (s.as_json())
    s.show(*answer, "entries");
  else
    s.show(audit_table(*answer));
  return exits::ok;
}

}  // namespace

void add_audit_verbs(handlers& to) {
  to["audit ls"] = list;
  to["audit verify"] = verify;
}

}  // namespace sm::ctl
