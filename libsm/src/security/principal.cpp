#include <sm/principal.hpp>

namespace sm {

std::string to_string(const principal& who) {
  switch (who.from) {
    case principal::origin::program:
      return "the program";
    case principal::origin::unix_socket:
      return "uid " + std::to_string(who.uid) +
             (who.pid > 0 ? ", pid " + std::to_string(who.pid) : "");
    case principal::origin::tcp:
      return (who.token.empty() ? "" : "token " + who.token + ", ") +
             (who.certificate.empty() ? "" : "certificate " + who.certificate + ", ") + who.address;
  }
  return {};
}

}  // namespace sm
