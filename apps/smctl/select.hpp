// Which services a command line means.
#pragma once

#include <sm/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace sm::ctl {

struct selection_rules {
  bool prefixes = true;    ///< the beginning of one name alone stands for it
  bool instances = false;  ///< "web:0" is one, too
};

struct selected {
  std::string name;    ///< of the service, or the instance
  bool named = false;  ///< by its own name, not by a pattern
};

/// The services of `listing` (services.list) that `words` mean, each once, in the order of the
/// words. Fails with `unknown_service` for a word that means none, with the nearest name; with
/// `bad_arguments` for the beginning of several names.
result<std::vector<selected>> select_services(const json& listing,
                                              std::span<const std::string> words,
                                              const selection_rules& rules = {});

/// It is a pattern, a group, a tag or "all": what may mean several.
bool means_several(const std::string& word);

}  // namespace sm::ctl
