#include "schema/secret_names.hpp"

#include <algorithm>
#include <array>

#include "text/ascii.hpp"

namespace sm {

bool is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> anywhere{"password", "passwd", "passphrase", "secret",
                                                     "credential"};
  constexpr std::array<std::string_view, 6> at_end{"token",      "apikey",     "accesskey",
                                                   "privatekey", "signingkey", "encryptionkey"};
  std::string letters;
  for (char c : name)
    if (is_alphanumeric(c)) letters += lower_case(c);
  return std::any_of(anywhere.begin(), anywhere.end(),
                     [&](auto word) { return letters.find(word) != letters.npos; }) ||
         std::any_of(at_end.begin(), at_end.end(),
                     [&](auto word) { return letters.ends_with(word); });
}

bool is_secret_name(std::string_view name, std::span<const std::string> named) {
  return std::find(named.begin(), named.end(), name) != named.end() || is_secret_name(name);
}

}  // namespace sm
