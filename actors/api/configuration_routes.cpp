// The routes of the configuration file, and of the manager's own process.
#include <unistd.h>

#include "api/management_api.hpp"
#include "api/route_adder.hpp"
#include "http/body_fields.hpp"
#include "manager/configuration_keeper.hpp"
#include "manager/daemon_reexec.hpp"
#include "process/build_id.hpp"
#include "process/proc_stat.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

json optional_fields(const request& rq, std::string_view id) {
  return rq.body().empty() ? json::object() : fields_of(rq, id);
}

/// Of the body, or of If-Match, in which it stands in quotes.
std::optional<std::string> etag_of(const request& rq, const json& body) {
  if (body.contains("etag")) return field(body, "etag", std::string{});
  auto header = std::string(rq.header("If-Match"));
  if (header.empty() || header == "*") return std::nullopt;
  if (header.size() >= 2 && header.starts_with('"') && header.ends_with('"'))
    header = header.substr(1, header.size() - 2);
  return header;
}

/// What stays as it is for as long as this manager runs. Its build is read from its file: at the
/// start, and not in the loop.
json own_process(const management_parts& parts) {
  return {{"pid", ::getpid()},
          {"start_time", process_start_time(::getpid())},
          {"run", random_hex(8)},
          {"version", SM_VERSION},
          {"build", build_of_process(::getpid())},
          {"program", parts.program},
          {"state", parts.state_folder.string()},
          {"config", parts.config_file.empty() ? json() : json(parts.config_file)}};
}

}  // namespace

void add_configuration_routes(route_adder& at, const management_parts& parts) {
  auto& keeper = parts.configuration;
  at.bind("config.plan", [&keeper](request& rq) {
    auto body = optional_fields(rq, "config.plan");
    return keeper.plan(field(body, "overwrite", false)).transform([](json plan) {
      auto r = to_response(plan);
      r.headers.emplace_back("ETag", "\"" + plan["etag"].get<std::string>() + "\"");
      return r;
    });
  });
  at.bind("config.apply", [&keeper](request& rq) {
    auto body = optional_fields(rq, "config.apply");
    return keeper.apply(etag_of(rq, body), field(body, "overwrite", false),
                        wait_for{duration_of(rq, "wait")}, rq.caller());
  });
  at.bind("daemon.show", [known = own_process(parts)] { return known; });
  at.bind("daemon.reexec",
          [&reexec = parts.reexec, &shutting_down = parts.shutting_down](request&) {
            return reexec.begin(shutting_down).transform([](const json& answer) {
              return with_status(202, answer);
            });
          });
}

}  // namespace sm
