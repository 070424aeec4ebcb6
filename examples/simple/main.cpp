#include <sm/sm.hpp>
using namespace std::chrono_literals;

struct email_work {                                     // a job: its fields are its arguments
  std::string email, text, date;
  void perform(sm::job_context& job) { job.log().info("mail to {}", email); }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(email_work, email, text, date)

class demo_server : public sm::service {
public:
  explicit demo_server(sm::service_context ctx) : sm::service(std::move(ctx)) {
    command("status", [this] { return sm::json{{"name", name()}, {"count", params().value("data", 0) * 2}}; });
    command("queue", [this](const std::string& to) { return enqueue(email_work{to, "hello", "now"}); });
    every(1s, [this] { log().info("tick"); });
  }
};

int main(int argc, char** argv) {
  sm::server app{argc, argv};
  app.type<demo_server>("demo");
  app.job<email_work>("EmailWork");
  app.service({.name = "process_name", .type = "demo", .params = {{"data", 1}}});
  app.service({.name = "process_name_two", .type = "demo", .params = {{"data", 2}}});
  app.get("/api/index", [] { return "index test"; });
  app.get("/api/status", [](sm::request& rq) { return rq.manager().broadcast("status"); });
  app.get("/api/queue", [](sm::request& rq) { return rq.manager().send("process_name_two", "queue", "queue_1"); });
  return app.run();
}
