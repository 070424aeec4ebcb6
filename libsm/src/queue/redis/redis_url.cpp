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

}  // namespace

bool is_redis_url(const std::string& url) noexcept {
  for (auto scheme : schemes)
    if (url.starts_with(scheme)) return true;
  return false;
}

result<redis_url> parse_redis_url(const std::string& url) {
  redis_url out;
  auto end_of_scheme = url.find("://");
  auto scheme = url.substr(0, end_of_scheme);
  auto rest = std::string_view(url).substr(end_of_scheme + 3);
  bool sentinel = scheme.ends_with("+sentinel");
  bool local = scheme.ends_with("+unix");
  out.tls = scheme.starts_with("rediss");

  std::string_view query;
  if (auto mark = rest.find('?'); mark != rest.npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  // What stands before the last '@' is never shown: it may be a password.
  if (query.find('@') != query.npos)
    return fail(errc::invalid_spec,
                "percent-encode a '?' in user or password as %3F, and an '@' in an option as %40",
                "queue.url");
  if (auto at = rest.rfind('@'); at != rest.npos && rest.find('/') < at)
    return fail(errc::invalid_spec, "percent-encode the '/' in user or password as %2F",
                "queue.url");
  auto authority = rest.substr(0, rest.find('/'));
  auto path = rest.substr(authority.size());
  if (auto at = authority.rfind('@'); at != authority.npos) {
    auto login = authority.substr(0, at);
    authority.remove_prefix(at + 1);
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
  }

  auto database = path.starts_with('/') ? path.substr(1) : path;
  if (local) {
    auto file = decoded(path);
    if (!file || file->empty())
      return fail(errc::invalid_spec, "names no socket: write redis+unix:///path", "queue.url");
    out.addresses.push_back({.host = {}, .port = {}, .path = *file});
    database = {};
  } else {
    for (auto part = authority;;) {
      auto comma = sentinel ? part.find(',') : part.npos;
      auto address = address_of(part.substr(0, comma), sentinel ? "26379" : "6379");
      if (!address) return tl::unexpected<error>(address.error());
      out.addresses.push_back(std::move(*address));
      if (comma == part.npos) break;
      part.remove_prefix(comma + 1);
    }
    if (sentinel) {
      auto slash = database.find('/');
      out.master = database.substr(0, slash);
      database = slash == database.npos ? std::string_view{} : database.substr(slash + 1);
      if (out.master.empty())
        return fail(errc::invalid_spec, "names no master: write redis+sentinel://host/master",
                    "queue.url");
    }
  }

  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    auto equals = std::min(pair.find('='), pair.size());
    auto key = pair.substr(0, equals);
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return tl::unexpected<error>(value.error());
    if (key == "db") {
      auto db = number(*value, 0, 1'000'000, "the database");
      if (!db) return tl::unexpected<error>(db.error());
      out.database = *db;
    } else if (key == "prefix") {
      out.prefix = *value;
      if (!out.prefix.empty() && !out.prefix.ends_with(':')) out.prefix += ':';
    } else if (key == "ca") {
      out.ca = *value;
    } else if (key == "cert") {
      out.certificate = *value;
    } else if (key == "key") {
      out.key = *value;
    } else if (key == "verify") {
      if (*value != "yes" && *value != "no")
        return fail(errc::invalid_spec, "verify is yes or no", "queue.url");
      out.verify = *value == "yes";
    } else if (key == "sentinel_password") {
      out.sentinel_password = *value;
    } else {
      return fail(errc::invalid_spec, "unknown option " + in_quotes(key) + instead_of(key, options),
                  "queue.url");
    }
  }
  if (!database.empty()) {
    auto db = number(database, 0, 1'000'000, "the database");
    if (!db) return tl::unexpected<error>(db.error());
    out.database = *db;
  }
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
