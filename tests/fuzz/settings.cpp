// Settings, durations, sizes and URLs of the queue: texts of operators. The first line names a
// setting.
#include <sm/config.hpp>

#include "queue/redis/redis_url.hpp"
#include "text/units.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(settings) {
  using sm::fuzz::must;
  static const auto listed = sm::list_config({});
  auto key = sm::fuzz::take_line(input);
  sm::config c;
  if (sm::set_config_value(c, key, input)) {
    for (auto& [name, value] : sm::list_config(c))
      if (name == key)
        must(sm::set_config_value(c, name, value).has_value(), "a value is read as it is listed");
  }
  if (!key.empty()) {
    // Any setting, without its name having to be found first.
    auto& [name, value] = listed[static_cast<unsigned char>(key[0]) % listed.size()];
    (void)sm::set_config_value(c, name, input);
  }
  if (auto duration = sm::parse_duration(input)) {
    auto again = sm::parse_duration(sm::format_duration(*duration));
    must(again && *again == *duration, "a duration is read as it is written");
  }
  (void)sm::parse_size(input);
  std::string url(input);
  if (sm::is_redis_url(url)) (void)sm::parse_redis_url(url);
  (void)sm::without_password(url);
}
