#include "process/rlimits.hpp"

#include <array>

#include "text/texts.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

struct row {
  std::string_view name;
  int resource;
};
constexpr std::array rows{row{"as", RLIMIT_AS},         row{"core", RLIMIT_CORE},
                          row{"cpu", RLIMIT_CPU},       row{"data", RLIMIT_DATA},
                          row{"fsize", RLIMIT_FSIZE},   row{"memlock", RLIMIT_MEMLOCK},
                          row{"nofile", RLIMIT_NOFILE}, row{"nproc", RLIMIT_NPROC},
                          row{"stack", RLIMIT_STACK},   row{"sigpending", RLIMIT_SIGPENDING}};

}  // namespace

result<rlimit_value> parse_rlimit(const std::string& name, const std::string& value) {
  std::vector<std::string_view> known;
  for (auto& r : rows) {
    known.push_back(r.name);
    if (r.name != name) continue;
    if (value == "unlimited") return rlimit_value{r.resource, RLIM_INFINITY};
    auto number = parse_size(value);
    if (!number) return fail(errc::invalid_spec, number.error().detail + ", or \"unlimited\"");
    return rlimit_value{r.resource, *number};
  }
  return fail(errc::invalid_spec, "is no resource limit" + instead_of(name, known));
}

}  // namespace sm
