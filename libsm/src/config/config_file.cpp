#include "config/config_file.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>

#include "schema/secret_names.hpp"
#include "system/whole_file.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::size_t secret_max = 64 << 10;

result<std::vector<std::filesystem::path>> list_toml(const std::filesystem::path& folder) {
  std::error_code ec;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(folder, ec), end; !ec && entry != end;
       entry.increment(ec))
    if (auto name = entry->path().filename().string();
        name.ends_with(".toml") && !name.starts_with('.'))
      files.push_back(entry->path());
  if (ec) return fail(errc::unavailable, "cannot be read: " + ec.message());
  return files;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of(
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                              "wxyz0123456789_") == name.npos;
}

/// Fails with what is wrong with a `${...}`.
result<std::string> expand(std::string_view text, const config_surroundings& around) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    // Of the marks before a brace each pair is one mark of the text; one that is left begins a
    // variable.
    auto behind = std::min(text.find_first_not_of('$', i), text.size());
    auto marks = behind - i;
    if (behind == text.size() || text[behind] != '{') {
      out += text.substr(i, marks + 1);
      i = std::min(behind + 1, text.size());
      continue;
    }
    out.append(marks / 2, '$');
    if (marks % 2 == 0) {
      out += '{';
      i = behind + 1;
      continue;
    }
    i = behind - 1;
    auto end = text.find('}', i);
    if (end == text.npos)
      return fail(errc::bad_arguments, "\"${\" without its \"}\"; write \"$${\" for the text");
    auto inner = text.substr(i + 2, end - i - 2);
    auto otherwise = inner.find(":-");
    auto name = inner.substr(0, otherwise);
    if (!is_variable_name(name))
      return fail(errc::bad_arguments, in_quotes(name) +
                                           " is no name of a variable; write \"$${\" "
                                           "for the text \"${\"");
    auto value = around.variable(std::string(name));
    if (std::find(own_variables.begin(), own_variables.end(), name) != own_variables.end())
      out += text.substr(i, end + 1 - i);
    else if (value && (!value->empty() || otherwise == inner.npos))
      out += *value;
    else if (otherwise != inner.npos)
      out += inner.substr(otherwise + 2);
    else
      return fail(errc::bad_arguments, "the environment has no " + std::string(name) + "; ${" +
                                           std::string(name) +
                                           ":-TEXT} has a default, $${ stands for ${");
    i = end + 1;
  }
  return out;
}

/// Where a text may be in a file of its own.
bool may_be_secret(const std::string& pointer) {
  if (pointer == "/queue/url") return true;
  auto last = std::string_view(pointer).substr(pointer.rfind('/') + 1);
  if (pointer.find("/params/") != pointer.npos && is_secret_name(last)) return true;
  // "/service/NAME/env/VARIABLE": names hold no slash.
  return pointer.starts_with("/service/") && std::count(pointer.begin(), pointer.end(), '/') == 4 &&
         pointer.find("/env/") != pointer.npos;
}

/// "/service/NAME/env_file/0": the path of a file that each start reads.
bool is_env_file(const std::string& pointer) {
  return pointer.starts_with("/service/") && std::count(pointer.begin(), pointer.end(), '/') == 4 &&
         pointer.find("/env_file/") != pointer.npos;
}

class reader {
 public:
  reader(const config_surroundings& around, std::vector<config_mistake>& mistakes)
      : around_(around), mistakes_(mistakes) {}

  void take(const std::filesystem::path& file, const file_place& from) {
    bool included = from.line > 0;
    auto text = around_.read(file);
    if (!text) {
      mistakes_.push_back(
          {included ? from : file_place{file.string(), 0, 0}, included ? "include" : "",
           included ? file.string() + ": " + text.error().detail : text.error().detail});
      return;
    }
    auto part = parse_toml(*text, file.string(), mistakes_);
    fill_in(part, part.document, "", file.parent_path());
    auto include = part.document.find("include");
    if (include != part.document.end()) {
      auto folders = *include;
      part.document.erase(include);
      if (included)
        refuse(part, "/include", "only the first file includes others");
      else
        take_folders(part, folders, file.parent_path());
    }
    merge(std::move(part));
  }

  placed_json whole;

 private:
  void refuse(const placed_json& in, const std::string& pointer, std::string why) {
    mistakes_.push_back({in.place_of(pointer), key_of_pointer(pointer), std::move(why)});
  }

  void fill_in(const placed_json& in, json& value, const std::string& pointer,
               const std::filesystem::path& folder) {
    if (value.is_structured()) {
      std::size_t index = 0;
      for (auto& entry : value.items())
        fill_in(
            in, entry.value(),
            pointer + (value.is_object() ? pointer_to(entry.key()) : "/" + std::to_string(index++)),
            folder);
      return;
    }
    if (!value.is_string()) return;
    auto text = expand(value.get_ref<const std::string&>(), around_);
    if (!text) return refuse(in, pointer, text.error().detail);
    if (is_env_file(pointer)) {
      bool optional = text->starts_with('-');
      auto path = folder / text->substr(optional ? 1 : 0);
      if (text->size() > (optional ? 1U : 0U))
        text = (optional ? "-" : "") + std::filesystem::absolute(path).lexically_normal().string();
    }
    constexpr std::string_view mark = "file:", plain = "text:";
    if (may_be_secret(pointer) && text->starts_with(plain))
      text->erase(0, plain.size());
    else if (may_be_secret(pointer) && text->starts_with(mark) && !text->starts_with("file://")) {
      auto path = folder / text->substr(mark.size());
      auto secret = around_.read(path);
      if (!secret) return refuse(in, pointer, path.string() + " " + secret.error().detail);
      if (secret->size() > secret_max)
        return refuse(in, pointer,
                      path.string() + " has more than " + std::to_string(secret_max) + " bytes");
      if (secret->ends_with('\n')) secret->pop_back();
      if (secret->ends_with('\r')) secret->pop_back();
      text = std::move(secret);
    }
    value = std::move(*text);
  }

  void take_folders(const placed_json& in, const json& folders, const std::filesystem::path& base) {
    std::vector<std::string> names;
    if (folders.is_string()) names.push_back(folders);
    bool texts = folders.is_array() &&
                 std::all_of(folders.begin(), folders.end(), [](auto& f) { return f.is_string(); });
    if (texts)
      for (auto& f : folders) names.push_back(f);
    if (!texts && !folders.is_string())
      return refuse(in, "/include", "must be the path of a folder, or a list of them");
    auto from = in.place_of("/include");
    for (auto& name : names) {
      auto files = around_.list(base / name);
      if (!files) {
        refuse(in, "/include", (base / name).string() + " " + files.error().detail);
        continue;
      }
      std::sort(files->begin(), files->end());
      for (auto& file : *files) take(file, from);
    }
  }

  /// Sections of several files become one; what is in them is said once.
  void merge(placed_json part) {
    for (auto& section : part.document.items()) {
      auto& present = whole.document[section.key()];
      auto at = pointer_to(section.key());
      if (present.is_null()) {
        present = section.value();
        continue;
      }
      if (!present.is_object() || !section.value().is_object()) {
        refuse(part, at, "is in " + shown(whole.place_of(at)) + " already");
        continue;
      }
      for (auto& entry : section.value().items()) {
        auto inner = at + pointer_to(entry.key());
        if (present.contains(entry.key()))
          refuse(part, inner, "is in " + shown(whole.place_of(inner)) + " already");
        else
          present[entry.key()] = entry.value();
      }
    }
    // Of a name that is twice the first place counts.
    whole.places.merge(part.places);
  }

  static std::string shown(const file_place& p) { return p.file + ":" + std::to_string(p.line); }

  const config_surroundings& around_;
  std::vector<config_mistake>& mistakes_;
};

}  // namespace

config_surroundings own_config_surroundings() {
  cpu_set_t cpus;
  bool counted = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0;
  return {
      .read =
          [](const std::filesystem::path& file) { return read_whole_file(file, config_size_max); },
      .list = list_toml,
      .variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
      },
      .cores = counted ? static_cast<unsigned>(CPU_COUNT(&cpus)) : 1};
}

placed_json read_config_file(const std::filesystem::path& file, const config_surroundings& around,
                             std::vector<config_mistake>& mistakes) {
  reader all(around, mistakes);
  all.take(file, {});
  return std::move(all.whole);
}

}  // namespace sm
