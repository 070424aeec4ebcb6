#include "security/access_tokens.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "json_members.hpp"
#include "security/constant_time.hpp"
#include "security/service_scope.hpp"
#include "text/iso_time.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::size_t prefix_size = 9;

json time_or_null(std::int64_t seconds) {
  if (seconds == 0) return nullptr;
  return iso_time(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
}

bool before(const access_token& a, std::string_view name) { return a.name < name; }

template <class T>
void take(const json& document, const char* name, T& into) {
  auto member = document.find(name);
  if (member == document.end()) throw failure(errc::bad_arguments, "is missing", pointer_to(name));
  auto value = from_json_value<T>(*member);
  if (!value) throw failure(errc::bad_arguments, value.error().detail, pointer_to(name));
  into = std::move(*value);
}

/// Throws a `failure` with the place of what does not fit.
access_token read_token(const json& document) {
  if (!document.is_object()) throw failure(errc::bad_arguments, "must be an object");
  access_token token;
  std::string role;
  take(document, "name", token.name);
  take(document, "role", role);
  take(document, "prefix", token.prefix);
  take(document, "digest", token.digest);
  take(document, "created", token.created);
  take(document, "expires", token.expires);
  take(document, "used", token.used);
  if (auto ok = check_name(token.name); !ok)
    throw failure(ok.error().code, ok.error().detail, "/name");
  auto known = parse_role(role);
  if (!known) throw failure(errc::bad_arguments, "is no role", "/role");
  token.role = *known;
  token.session = flag_in(document, "session");
  token.maker = text_in(document, "maker");
  token.services = text_in(document, "services");
  return token;
}

}  // namespace

std::string digest_of_secret(std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned size = 0;
  if (EVP_Digest(secret.data(), secret.size(), bytes.data(), &size, EVP_sha256(), nullptr) != 1)
    throw failure(errc::internal, "OpenSSL makes no digest", "");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += digits[bytes[i] >> 4];
    hex += digits[bytes[i] & 15];
  }
  return hex;
}

json to_json(const access_token& token) {
  return {{"name", token.name},
          {"role", to_string(token.role)},
          {"prefix", token.prefix},
          {"created", time_or_null(token.created)},
          {"expires", time_or_null(token.expires)},
          {"last_used", time_or_null(token.used)},
          {"session", token.session},
          {"services", token.services.empty() ? json() : json(token.services)}};
}

result<access_tokens> access_tokens::parse(std::string_view text) try {
  auto document = parse_json(text);
  if (!document) return tl::unexpected<error>(document.error());
  if (!document->is_array()) return fail(errc::bad_arguments, "must be a list of tokens");
  access_tokens tokens;
  for (auto& each : *document) {
    auto token = read_token(each);
    if (tokens.called(token.name))
      return fail(errc::bad_arguments, "'" + token.name + "' stands there twice");
    tokens.insert(std::move(token));
  }
  return tokens;
} catch (const failure& e) {
  return tl::unexpected<error>(e.reason());
}

void access_tokens::insert(access_token token) {
  auto place = std::lower_bound(all_.begin(), all_.end(), std::string_view(token.name), before);
  all_.insert(place, std::move(token));
}

std::string access_tokens::print() const {
  json list = json::array();
  for (auto& t : all_)
    list.push_back({{"name", t.name},
                    {"role", to_string(t.role)},
                    {"prefix", t.prefix},
                    {"digest", t.digest},
                    {"created", t.created},
                    {"expires", t.expires},
                    {"used", t.used},
                    {"session", t.session},
                    {"maker", t.maker},
                    {"services", t.services}});
  return print_json(list) + "\n";
}

result<access_token> access_tokens::add(std::string_view name, api_role role,
                                        std::string_view secret, std::int64_t now,
                                        std::int64_t expires, std::string_view services) {
  if (auto ok = check_name(name); !ok) return fail(errc::bad_arguments, ok.error().detail, "/name");
  if (!services.empty()) {
    if (auto ok = check_scope(services); !ok)
      return fail(errc::bad_arguments, ok.error().detail, "/services");
    if (role == api_role::admin)
      return fail(errc::bad_arguments,
                  "an admin decides what runs, and that is not of some services alone",
                  "/services");
  }
  if (called(name))
    return fail(errc::conflict, "there is a token called '" + std::string(name) + "'",
                std::string(name));
  auto sessions = std::count_if(all_.begin(), all_.end(), [](auto& t) { return t.session; });
  if (all_.size() - static_cast<std::size_t>(sessions) >= count_max)
    return fail(errc::overloaded, "there are " + std::to_string(count_max) + " tokens already");
  access_token token{.name = std::string(name),
                     .role = role,
                     .prefix = std::string(secret.substr(0, prefix_size)),
                     .digest = digest_of_secret(secret),
                     .created = now,
                     .expires = expires,
                     .services = std::string(services)};
  insert(token);
  return token;
}

result<access_token> access_tokens::add_session(std::string_view name, api_role role,
                                                std::string_view secret, std::int64_t now,
                                                std::int64_t expires, std::string_view maker) {
  std::erase_if(all_, [&](auto& t) { return t.session && now >= t.expires; });
  std::string services;
  if (!maker.empty()) {
    if (!is_valid(maker, now))
      return fail(errc::unauthorized,
                  "the token '" + std::string(maker) + "' is not valid any more");
    auto* made_by = called(maker);
    role = std::min(role, made_by->role);
    services = made_by->services;
    if (made_by->expires > 0) expires = std::min(expires, made_by->expires);
  }
  auto by_maker = std::string(maker);
  if (static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), [&](auto& t) {
        return t.session && t.maker == maker;
      })) >= sessions_of_one_max)
    drop_oldest_session(&by_maker);
  if (static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(),
                                             [](auto& t) { return t.session; })) >= sessions_max)
    drop_oldest_session(nullptr);
  access_token token{.name = std::string(name),
                     .role = role,
                     .prefix = std::string(secret.substr(0, prefix_size)),
                     .digest = digest_of_secret(secret),
                     .created = now,
                     .expires = expires,
                     .session = true,
                     .maker = by_maker,
                     .services = std::move(services)};
  insert(token);
  return token;
}

void access_tokens::drop_oldest_session(const std::string* maker) {
  const access_token* oldest = nullptr;
  for (auto& t : all_)
    if (t.session && (!maker || t.maker == *maker) && (!oldest || t.created < oldest->created))
      oldest = &t;
  if (oldest) remove(std::string(oldest->name));
}

std::vector<std::string> access_tokens::remove(std::string_view name) {
  std::vector<std::string> removed;
  if (called(name)) removed.emplace_back(name);
  for (std::size_t i = 0; i < removed.size(); ++i)
    for (auto& t : all_)
      if (t.session && t.maker == removed[i]) removed.push_back(t.name);
  std::erase_if(all_, [&](auto& t) {
    return std::find(removed.begin(), removed.end(), t.name) != removed.end();
  });
  return removed;
}

access_token* access_tokens::find(std::string_view secret, std::int64_t now) {
  if (all_.empty()) return nullptr;
  auto digest = digest_of_secret(secret);
  access_token* found = nullptr;
  for (auto& t : all_)
    if (equal_in_constant_time(t.digest, digest)) found = &t;
  return found && is_valid(found->name, now) ? found : nullptr;
}

bool access_tokens::is_valid(std::string_view name, std::int64_t now) const {
  auto token = called(name);
  return token && (token->expires == 0 || now < token->expires);
}

void access_tokens::take_uses(const access_tokens& from) {
  for (auto& t : all_)
    if (auto* same = from.called(t.name); same && same->digest == t.digest) t.used = same->used;
}

const access_token* access_tokens::called(std::string_view name) const {
  auto place = std::lower_bound(all_.begin(), all_.end(), name, before);
  return place != all_.end() && place->name == name ? &*place : nullptr;
}

}  // namespace sm
