#include "exit_codes.hpp"

#include <algorithm>
#include <array>

namespace sm::ctl {

std::span<const exit_row> exit_rows() {
  static constexpr std::array rows{
      exit_row{exits::ok, "done; of `plan`: nothing to do"},
      exit_row{exits::failed,
               "some target failed; of `import`: something of the file could not be expressed"},
      exit_row{exits::usage,
               "the command line or the input is wrong; of `plan`: there are changes"},
      exit_row{exits::not_running,
               "`status`: a service does not run; `daemon status`: not all is ready"},
      exit_row{exits::unknown, "there is no such service, queue, job or schedule"},
      exit_row{exits::stopped, "`stop`, `signal`, `call`: it does not run"},
      exit_row{exits::no_manager, "no manager can be reached, or a part of it is missing"},
      exit_row{exits::timeout, "not done in time; try again"},
      exit_row{exits::refused, "not allowed"}};
  return rows;
}

int exit_code_of(const error& e) { return traits(e.code).exit_code; }

int exit_code_of(std::span<const int> each) {
  if (each.empty()) return exits::ok;
  bool alike = std::all_of(each.begin(), each.end(), [&](int code) { return code == each[0]; });
  return alike ? each[0] : exits::failed;
}

}  // namespace sm::ctl
