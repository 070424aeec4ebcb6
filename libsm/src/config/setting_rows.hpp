// The settings as rows: what kind of value each takes, its present value, what it means.
#pragma once

#include <sm/config.hpp>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schema/setting_fields.hpp"

namespace sm {

struct setting_row {
  std::string key;  ///< "http.body_max"
  field_kind kind;
  std::string value;
  std::string doc;
};

std::vector<setting_row> setting_rows(const config& c = {});

/// A setting's value as it may be shown: a URL without its password.
std::string shown_setting(std::string_view key, const std::string& value);

/// "manager", "log", ... in the order of the rows.
std::vector<std::string> setting_sections();

/// The value of a document as the text that `set_config_value` takes. Fails with `bad_arguments`
/// where it is of another kind than the key's: a flag is no number, a duration no bare one.
result<std::string> setting_text(std::string_view key, const json& value);

}  // namespace sm
