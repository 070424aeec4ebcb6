#include "manager/daemon_reexec.hpp"

#include <cstdlib>

#include "process/build_id.hpp"
#include "process/reexec.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr const char* fork_servers_variable = "SM_EARLIER_FORK_SERVERS";
constexpr auto requests_finish_within = 2s;

}  // namespace

std::vector<pid_t> take_earlier_fork_servers() {
  const char* text = std::getenv(fork_servers_variable);
  auto document = parse_json(text ? text : "");
  ::unsetenv(fork_servers_variable);
  auto pids = from_json_value<std::vector<pid_t>>(document ? *document : json::array());
  return pids ? *pids : std::vector<pid_t>{};
}

daemon_reexec::daemon_reexec(supervision& s, gateway& http, const service_manager& above,
                             const std::vector<std::string>& given_argv)
    : s_(s), gateway_(http), above_(above), argv_(given_argv) {}

result<void> daemon_reexec::can_make_way(bool shutting_down) const {
  if (shutting_down || under_way_)
    return fail(errc::shutting_down, "the manager is ending already");
  if (s_.settings.manager.orphan_grace.count() == 0)
    return fail(errc::conflict, "services end with their manager: manager.orphan_grace is 0",
                "manager.orphan_grace");
  return {};
}

promise<json> daemon_reexec::begin(const bool& shutting_down) {
  promise<json> answer;
  if (auto can = can_make_way(shutting_down); !can) {
    answer.set_error(can.error());
    return answer;
  }
  under_way_ = true;
  bool posted = checker_.post([this, answer, &shutting_down] {
    auto& file = s_.forks.executable();
    auto good = try_executable(file, argv_);
    auto build = build_of(file);
    s_.events.defer([this, answer, good, build, &shutting_down] {
      under_way_ = false;
      if (!good) {
        s_.log.error("the manager is not executed anew: {}", to_string(good.error()));
        answer.set_error(good.error());
      } else if (shutting_down) {
        answer.set_error({errc::shutting_down, "the manager is shutting down", {}});
      } else {
        under_way_ = true;
        s_.log.info("{} is executed anew: build {}", s_.forks.executable().string(), build);
        answer.set_value({{"pid", ::getpid()}, {"build", build}});
        wanted_ = true;
        end_loop("executing " + s_.forks.executable().string() + " anew");
      }
    });
  });
  if (!posted) {
    under_way_ = false;
    answer.set_error({errc::overloaded, "no thread can be made", {}});
  }
  return answer;
}

result<void> daemon_reexec::leave(const bool& shutting_down) {
  if (auto can = can_make_way(shutting_down); !can) return can;
  under_way_ = true;
  s_.log.info("the services are left to the next manager");
  end_loop("leaving the services to the next manager");
  return {};
}

void daemon_reexec::end_loop(const std::string& status) {
  services_stay_ = true;
  s_.ending = true;  // nothing is started, and nothing that ends is taken for a failure, any more
  above_.tell("STATUS=" + status_line(status));
  sockets_ = gateway_.listening();
  gateway_.drain(requests_finish_within, [this] { s_.events.stop(); });
}

error daemon_reexec::execute() {
  auto file = s_.forks.executable();
  above_.restore_environment();
  ::setenv(fork_servers_variable, print_json(json(s_.forks.ours())).c_str(), 1);
  return execute_again(file, argv_, std::move(sockets_));
}

}  // namespace sm
