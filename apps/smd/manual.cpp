// Prints a manual page of smd: "smd.1" or "smd.toml.5". Run by the build.
#include "config/manual.hpp"

#include <cstdio>

int main(int argc, char** argv) {
  const std::string page = argc == 2 ? argv[1] : "";
  if (page != "smd.1" && page != "smd.toml.5") return 2;
  std::fputs(
      (page == "smd.1" ? sm::smd_manual(SM_VERSION) : sm::configuration_manual(SM_VERSION)).c_str(),
      stdout);
  return 0;
}
