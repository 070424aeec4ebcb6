#include "queue/redis/redis_url.hpp"

#include "http/url.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::string_view schemes[] = {"redis://", "rediss://", "redis+unix://",
                                        "redis+sentinel://", "rediss+sentinel://"};

constexpr std::string_view options[] = {"db",     "prefix",           "ca", "cert", "key",
                                        "verify", "sentinel_password"};

result<std::string> decoded(std::string_view text) {
  auto plain = percent_decode(text);
  if (!plain)
    return fail(errc::invalid_spec, "a '%' must begin a percent-encoded character", "queue.url");
  return *plain;
}

result<unsigned> number(std::string_view text, unsigned least, unsigned most, const char* what) {
  auto value = parse_integer<unsigned>(text, least, most);
  if (!value)
    return fail(errc::invalid_spec, std::string(what) + " " + value.error().detail, "queue.url");
  return value;
}

result<redis_address> address_of(std::string_view text, const char* default_port) {
  redis_address a;
  a.port = default_port;
  if (text.starts_with('[')) {  // IPv6
    auto close = text.find(']');
    if (close == text.npos)
      return fail(errc::invalid_spec, "'" + std::string(text) + "' lacks a ']'", "queue.url");
    a.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (text.starts_with(':')) a.port = text.substr(1);
  } else {
    auto colon = text.rfind(':');
    a.host = text.substr(0, colon);
    if (colon != text.npos) a.port = text.substr(colon + 1);
  }
  if (a.host.empty()) a.host = "127.0.0.1";
  if (auto ok = number(a.port, 1, 65535, "the port"); !ok) return tl::unexpected<error>(ok.error());
  return a;
}

/// A URL in its parts, none of them decoded.
struct url_parts {
  std::string_view scheme, login, authority, path, query;
  bool has_login = false;

  bool sentinel() const { return scheme.ends_with("+sentinel"); }
  bool local() const { return scheme.ends_with("+unix"); }
};

result<url_parts> parts_of(std::string_view url) {
  url_parts p;
  auto end_of_scheme = url.find("://");
  p.scheme = url.substr(0, end_of_scheme);
  auto rest = url.substr(end_of_scheme + 3);
  if (auto mark = rest.find('?'); mark != rest.npos) {
    p.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  // What stands before the last '@' is never shown: it may be a password.
  if (p.query.find('@') != p.query.npos)
    return fail(errc::invalid_spec,
                "percent-encode a '?' in user or password as %3F, and an '@' in an option as %40",
                "queue.url");
  if (auto at = rest.rfind('@'); at != rest.npos && rest.find('/') < at)
    return fail(errc::invalid_spec, "percent-encode the '/' in user or password as %2F",
                "queue.url");
  p.authority = rest.substr(0, rest.find('/'));
  p.path = rest.substr(p.authority.size());
  if (auto at = p.authority.rfind('@'); at != p.authority.npos) {
    p.has_login = true;
    p.login = p.authority.substr(0, at);
    p.authority.remove_prefix(at + 1);
  }
  return p;
}

result<void> read_login(std::string_view login, redis_url& out) {
  auto colon = login.find(':');
  auto user = decoded(login.substr(0, colon));
  auto password = decoded(colon == login.npos ? "" : login.substr(colon + 1));
  if (!user) return tl::unexpected<error>(user.error());
  if (!password) return tl::unexpected<error>(password.error());
  out.user = *user;
  out.password = *password;
  // "redis://secret@host" is a password, as in redis-cli's older form.
  if (colon == login.npos) {
    out.password = out.user;
    out.user.clear();
  }
  return {};
}

/// The addresses, and the master of a Sentinel; what is left of the path names the database.
result<std::string_view> read_place(const url_parts& p, redis_url& out) {
  if (p.local()) {
    auto file = decoded(p.path);
    if (!file || file->empty())
      return fail(errc::invalid_spec, "names no socket: write redis+unix:///path", "queue.url");
    out.addresses.push_back({.host = {}, .port = {}, .path = *file});
    return std::string_view{};
  }
  for (auto part = p.authority;;) {
    auto comma = p.sentinel() ? part.find(',') : part.npos;
    auto address = address_of(part.substr(0, comma), p.sentinel() ? "26379" : "6379");
    if (!address) return tl::unexpected<error>(address.error());
    out.addresses.push_back(std::move(*address));
    if (comma == part.npos) break;
    part.remove_prefix(comma + 1);
  }
  auto database = p.path.starts_with('/') ? p.path.substr(1) : p.path;
  if (!p.sentinel()) return database;
  auto slash = database.find('/');
  out.master = database.substr(0, slash);
  if (out.master.empty())
    return fail(errc::invalid_spec, "names no master: write redis+sentinel://host/master",
                "queue.url");
  return slash == database.npos ? std::string_view{} : database.substr(slash + 1);
}

result<void> read_database(std::string_view text, redis_url& out) {
  auto db = number(text, 0, 1'000'000, "the database");
  if (!db) return tl::unexpected<error>(db.error());
  out.database = *db;
  return {};
}

result<void> read_option(std::string_view key, std::string value, redis_url& out) {
  if (key == "db") return read_database(value, out);
  if (key == "prefix") {
    out.prefix = std::move(value);
    if (!out.prefix.empty() && !out.prefix.ends_with(':')) out.prefix += ':';
  } else if (key == "ca") {
    out.ca = std::move(value);
  } else if (key == "cert") {
    out.certificate = std::move(value);
  } else if (key == "key") {
    out.key = std::move(value);
  } else if (key == "verify") {
    if (value != "yes" && value != "no")
      return fail(errc::invalid_spec, "verify is yes or no", "queue.url");
    out.verify = value == "yes";
  } else if (key == "sentinel_password") {
    out.sentinel_password = std::move(value);
  } else {
    return fail(errc::invalid_spec, "unknown option " + in_quotes(key) + instead_of(key, options),
                "queue.url");
  }
  return {};
}

result<void> read_options(std::string_view query, redis_url& out) {
  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    auto equals = std::min(pair.find('='), pair.size());
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return tl::unexpected<error>(value.error());
    if (auto ok = read_option(pair.substr(0, equals), std::move(*value), out); !ok) return ok;
  }
  return {};
}

}  // namespace

bool is_redis_url(const std::string& url) noexcept {
  for (auto scheme : schemes)
    if (url.starts_with(scheme)) return true;
  return false;
}

result<redis_url> parse_redis_url(const std::string& url) {
  redis_url out;
  auto parts = parts_of(url);
  if (!parts) return tl::unexpected<error>(parts.error());
  out.tls = parts->scheme.starts_with("rediss");
  result<void> ok;
  if (parts->has_login) ok = read_login(parts->login, out);
  if (!ok) return tl::unexpected<error>(ok.error());
  auto database = read_place(*parts, out);
  if (!database) return tl::unexpected<error>(database.error());
  ok = read_options(parts->query, out);
  if (ok && !database->empty()) ok = read_database(*database, out);
  if (!ok) return tl::unexpected<error>(ok.error());
  return out;
}

std::string without_password(const std::string& url) {
  auto begin = url.find("://");
  if (begin == url.npos) return url;
  begin += 3;
  auto at = url.rfind('@');
  auto shown = at == url.npos || at < begin ? url : url.substr(0, begin) + url.substr(at + 1);
  if (auto secret = shown.find("sentinel_password="); secret != shown.npos) {
    auto end = std::min(shown.find('&', secret), shown.size());
    shown.replace(secret, end - secret, "sentinel_password=...");
  }
  return shown;
}

}  // namespace sm
