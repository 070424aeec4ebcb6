// Where a Redis is:
//   redis://[user[:password]@]host[:port][/db]       TCP
//   rediss://...                                     TLS; ?ca=FILE &cert=FILE &key=FILE &verify=no
//   redis+unix://[user[:password]@]/path[?db=0]      a Unix socket
//   redis+sentinel://[user[:password]@]host[:port],host[:port].../master[/db]
//                                                    the master that Sentinel names;
//                                                    &sentinel_password=...; rediss+sentinel is TLS
// All take ?prefix=resque: (the namespace, with its colon). What is reserved in user, password and
// path is percent-encoded.
#pragma once

#include <sm/error.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sm {

struct redis_address {
  std::string host{};
  std::string port = "6379";
  std::string path{};  ///< of a Unix socket, instead of host and port

  friend bool operator==(const redis_address&, const redis_address&) = default;
};

struct redis_url {
  std::vector<redis_address> addresses{};  ///< one, or those of the Sentinels
  std::string user{}, password{};
  unsigned database = 0;
  std::string prefix = "resque:";
  std::string master{};  ///< Sentinel's name for it; "" without Sentinel
  std::string sentinel_password{};
  bool tls = false;
  bool verify = true;
  std::string ca{}, certificate{}, key{};
};

bool is_redis_url(const std::string& url) noexcept;

/// Fails with `invalid_spec` and what is wrong.
result<redis_url> parse_redis_url(const std::string& url);

/// The URL without its passwords, for logs and errors.
std::string without_password(const std::string& url);

}  // namespace sm
