// Which members of a document of somebody's own are secrets by their names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sm {

/// True for what is called a password, passphrase, secret, credential, token, or an API, access,
/// private, signing or encryption key, however it is written: `dbPassword`, `API_KEY`,
/// `auth-token`.
bool is_secret_name(std::string_view name);

/// Likewise, and for each of `named`.
bool is_secret_name(std::string_view name, std::span<const std::string> named);

}  // namespace sm
