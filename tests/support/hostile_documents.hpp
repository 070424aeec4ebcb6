// The table of hostile_documents.txt, which C++ and Python read.
#pragma once

#include <string>
#include <vector>

namespace sm::test {

struct hostile_document {
  std::string name;
  std::string text;
};

/// All of them, in the order of the file.
const std::vector<hostile_document>& hostile_documents();

}  // namespace sm::test
