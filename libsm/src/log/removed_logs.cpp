#include "log/removed_logs.hpp"

#include <charconv>
#include <map>
#include <vector>

#include "log/process_log.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::string_view digits = "0123456789";

fs::path removed_folder(const fs::path& log_folder) { return log_folder / "removed"; }

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of(digits) == text.npos;
}

/// The entries of a folder, named before any of them is touched.
std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::error_code ec;
  std::vector<fs::directory_entry> all;
  for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
    all.push_back(*at);
  return all;
}

/// Of "web@1764340000000", in Unix milliseconds.
std::optional<std::int64_t> time_in(std::string_view name) {
  auto text = name.substr(std::min(name.rfind('@') + 1, name.size()));
  std::int64_t ms = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (ec != std::errc{} || end != text.data() + text.size() || text.size() == name.size())
    return std::nullopt;
  return ms;
}

std::int64_t to_ms(std::chrono::system_clock::time_point t) {
  return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

}  // namespace

std::string_view service_of_instance(std::string_view instance) {
  auto colon = instance.find(':');
  if (colon == instance.npos || !is_number(instance.substr(colon + 1))) return {};
  return instance.substr(0, colon);
}

std::string_view owner_of_log(std::string_view name) {
  if (auto dot = name.rfind('.'); dot != name.npos && is_number(name.substr(dot + 1)))
    name = name.substr(0, dot);
  if (!name.ends_with(".log") && !name.ends_with(".out")) return {};
  name.remove_suffix(4);
  return service_of_instance(name).empty() ? std::string_view{} : name;
}

std::set<std::string> services_with_logs(const fs::path& log_folder) {
  std::set<std::string> found;
  for (auto& entry : entries_of(log_folder)) {
    auto name = entry.path().filename().string();
    if (auto service = service_of_instance(owner_of_log(name)); !service.empty())
      found.emplace(service);
  }
  return found;
}

void set_logs_aside(const fs::path& log_folder, const std::string& service,
                    std::chrono::system_clock::time_point now) {
  std::error_code ec;
  fs::path aside;
  for (auto& entry : entries_of(log_folder)) {
    auto name = entry.path().filename().string();
    if (service_of_instance(owner_of_log(name)) != service) continue;
    if (entry.file_size(ec) == 0) {
      fs::remove(entry.path(), ec);
      continue;
    }
    // Another removal in the same millisecond has a folder of its own.
    for (auto ms = to_ms(now); aside.empty(); ++ms) {
      auto folder = removed_folder(log_folder) / (service + "@" + std::to_string(ms));
      fs::create_directory(removed_folder(log_folder), ec);
      if (fs::create_directory(folder, ec)) aside = folder;
      if (ec) break;
    }
    // Without a place for it it is gone: the next service of the name must not begin with it.
    if (!aside.empty()) fs::rename(entry.path(), aside / name, ec);
    if (aside.empty() || ec) fs::remove(entry.path(), ec);
  }
}

std::optional<milliseconds> drop_removed_logs(const fs::path& log_folder, milliseconds keep,
                                              std::chrono::system_clock::time_point now) {
  std::error_code ec;
  std::multimap<std::int64_t, fs::path> kept;  // the oldest first
  for (auto& entry : entries_of(removed_folder(log_folder))) {
    auto name = entry.path().filename().string();
    auto time = time_in(name);
    if (!time) continue;
    auto path = entry.path();
    if (*time > to_ms(now)) {
      time = to_ms(now);
      auto renamed =
          path.parent_path() / (name.substr(0, name.rfind('@') + 1) + std::to_string(*time));
      fs::rename(path, renamed, ec);
      if (!ec) path = renamed;
    }
    kept.emplace(*time, path);
  }
  while (!kept.empty() &&
         (kept.size() > removals_kept || kept.begin()->first + keep.count() <= to_ms(now))) {
    fs::remove_all(kept.begin()->second, ec);
    kept.erase(kept.begin());
  }
  if (kept.empty()) {
    fs::remove(removed_folder(log_folder), ec);
    return std::nullopt;
  }
  return milliseconds(kept.begin()->first + keep.count() - to_ms(now));
}

}  // namespace sm
