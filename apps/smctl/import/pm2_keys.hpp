// What the fields of a pm2 app become, as one table.
#pragma once

#include <sm/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace sm::ctl {

struct app_reading {
  const json& app;
  json spec;
  unsigned instances = 1;
};

/// What a value becomes; "" or why it does not.
using app_taker = std::string (*)(app_reading& a, const json& value);

struct app_key {
  std::string_view key;  ///< "kill_timeout", which is called killTimeout, too
  app_taker take = nullptr;
  std::string_view why{};  ///< without a taker: why it is lost; "" for what is so here anyway
};

/// In the order in which they are looked at.
std::span<const app_key> app_keys();

/// As the rows have it: "killTimeout" is kill_timeout, "user" is uid.
std::string app_key_of(const std::string& given);

/// Of a text, or any other value as JSON.
std::string text_of(const json& value);

}  // namespace sm::ctl
