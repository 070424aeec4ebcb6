// The form in which exec(3) takes arguments and environment.
#pragma once

#include <string>
#include <vector>

namespace sm {

/// Pointers into `texts`, which has to outlive them, ended by a null pointer.
inline std::vector<char*> exec_pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace sm
