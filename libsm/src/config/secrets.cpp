#include "config/secrets.hpp"

#include <fstream>

#include "queue/redis/redis_url.hpp"
#include "schema/setting_fields.hpp"

namespace sm {

std::vector<std::string> without_passwords(std::vector<std::string> arguments) {
  for (auto& section : rows_of<config>())
    for (auto& row : section.rows()) {
      if (row.rules.hides != hiding::password) continue;
      auto key = std::string(section.name) + "." + std::string(row.name) + "=";
      for (auto& text : arguments)
        if (auto at = text.find(key); at != text.npos)
          text = text.substr(0, at + key.size()) + without_password(text.substr(at + key.size()));
    }
  return arguments;
}

result<void> read_secret_files(config& c) {
  if (c.queue.url_file.empty()) return {};
  if (!c.queue.url.empty())
    return fail(errc::bad_arguments, "queue.url is set, too", "queue.url_file");
  std::ifstream file(c.queue.url_file);
  if (!std::getline(file, c.queue.url) || c.queue.url.empty())
    return fail(errc::bad_arguments, "cannot read a URL from " + c.queue.url_file.string(),
                "queue.url_file");
  return {};
}

}  // namespace sm
