#include "select.hpp"

#include <algorithm>

#include "process/instance_name.hpp"
#include "service/selector.hpp"
#include "text/glob.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

constexpr std::size_t names_shown = 5;

bool fits(const json& service, const std::string& word) {
  auto group = service.value("group", "");
  auto name = service.value("name", "");
  if (word == "all") return true;
  if (word == "*") return group != builtin_group;
  if (word.starts_with("group:")) return !group.empty() && group == word.substr(6);
  if (word.starts_with("tag:")) {
    auto tags = service.find("tags");
    return tags != service.end() &&
           std::find(tags->begin(), tags->end(), word.substr(4)) != tags->end();
  }
  return glob_match(word, name);
}

class selector {
 public:
  selector(const json& listing, const selection_rules& rules) : rules_(rules) {
    for (auto& service : listing.at("services")) services_.push_back(&service);
  }

  result<void> take(const std::string& word) {
    if (auto* exact = called(word)) {
      put((*exact)["name"], true);
      return {};
    }
    if (rules_.instances)
      if (auto parts = parse_instance_name(word); parts && called(parts->service)) {
        put(word, true);
        return {};
      }
    if (means_several(word)) {
      bool some = false;
      for (auto* service : services_)
        if (fits(*service, word)) {
          put((*service)["name"], false);
          some = true;
        }
      if (some || word == "all" || word == "*") return {};
      return fail(errc::unknown_service, in_quotes(word) + " means no service", word);
    }
    return take_beginning(word);
  }

  std::vector<selected> chosen;

 private:
  const json* called(const std::string& name) const {
    for (auto* service : services_)
      if (service->value("name", "") == name) return service;
    return nullptr;
  }

  result<void> take_beginning(const std::string& word) {
    std::vector<std::string> names, fitting;
    for (auto* service : services_) {
      names.push_back(service->value("name", ""));
      if (!word.empty() && names.back().starts_with(word)) fitting.push_back(names.back());
    }
    if (rules_.prefixes && fitting.size() == 1) {
      put(fitting.front(), true);
      return {};
    }
    if (rules_.prefixes && fitting.size() > 1) {
      std::string all;
      for (std::size_t i = 0; i < fitting.size() && i < names_shown; ++i)
        all += (i == 0 ? "" : ", ") + fitting[i];
      if (fitting.size() > names_shown) all += ", ...";
      return fail(errc::bad_arguments, in_quotes(word) + " is the beginning of several names: " +
                                           all + "; " + in_quotes(word + "*") + " means them all");
    }
    std::vector<std::string_view> known(names.begin(), names.end());
    auto near = nearest(word, known);
    return fail(errc::unknown_service,
                "there is no service called " + in_quotes(word) +
                    (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?"),
                word);
  }

  void put(std::string name, bool named) {
    auto there =
        std::find_if(chosen.begin(), chosen.end(), [&](auto& s) { return s.name == name; });
    if (there == chosen.end())
      chosen.push_back({std::move(name), named});
    else
      there->named = there->named || named;
  }

  selection_rules rules_;
  std::vector<const json*> services_;
};

}  // namespace

bool means_several(const std::string& word) {
  return word == "all" || word.starts_with("group:") || word.starts_with("tag:") ||
         word.find_first_of("*?") != word.npos;
}

result<std::vector<selected>> select_services(const json& listing,
                                              std::span<const std::string> words,
                                              const selection_rules& rules) {
  selector s(listing, rules);
  for (auto& word : words)
    if (auto ok = s.take(word); !ok) return tl::unexpected<error>(ok.error());
  return std::move(s.chosen);
}

}  // namespace sm::ctl
