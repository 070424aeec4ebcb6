#include "service/scaling.hpp"

#include <algorithm>
#include <sm/service_spec.hpp>

#include "text/numbers.hpp"

namespace sm {

result<unsigned> scaled(const json& wanted, unsigned present) {
  auto at_the_field = [](result<unsigned> number) {
    if (!number) {
      number.error().where = "/instances";
      number.error().detail += R"(; a text such as "+2" or "-1" is relative)";
    }
    return number;
  };
  if (!wanted.is_string()) return at_the_field(read_integer<unsigned>(wanted, 0, max_instances));
  std::string_view text = wanted.get_ref<const std::string&>();
  char sign = text.empty() ? '\0' : text.front();
  bool relative = sign == '+' || sign == '-';
  auto number =
      at_the_field(parse_integer<unsigned>(text.substr(relative ? 1 : 0), 0, max_instances));
  if (!number || !relative) return number;
  if (sign == '-') return present - std::min(present, *number);
  if (present + *number > max_instances)
    return fail(
        errc::bad_arguments,
        std::to_string(present + *number) + " are more than " + std::to_string(max_instances),
        "/instances");
  return present + *number;
}

}  // namespace sm
