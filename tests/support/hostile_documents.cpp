#include "hostile_documents.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace sm::test {
namespace {

/// <xHH> and <N*TEXT> written out.
std::string expand(std::string_view line) {
  std::string text;
  while (!line.empty()) {
    auto end = line.front() == '<' ? line.find('>') : line.npos;
    auto escape = end == line.npos ? std::string_view{} : line.substr(1, end - 1);
    auto star = escape.find('*');
    if (escape.size() == 3 && escape.front() == 'x') {
      text += static_cast<char>(std::stoi(std::string(escape.substr(1)), nullptr, 16));
    } else if (star != escape.npos) {
      for (auto n = std::stoul(std::string(escape.substr(0, star))); n > 0; --n)
        text += escape.substr(star + 1);
    } else {
      text += line.front();
      end = 0;
    }
    line.remove_prefix(end + 1);
  }
  return text;
}

}  // namespace

const std::vector<hostile_document>& hostile_documents() {
  static const auto all = [] {
    std::ifstream file(HOSTILE_DOCUMENTS);
    if (!file) throw std::runtime_error("cannot read " HOSTILE_DOCUMENTS);
    std::vector<hostile_document> found;
    for (std::string line; std::getline(file, line);)
      if (auto tab = line.find('\t'); tab != line.npos && line.front() != '#')
        found.push_back({line.substr(0, tab), expand(std::string_view(line).substr(tab + 1))});
    return found;
  }();
  return all;
}

}  // namespace sm::test
