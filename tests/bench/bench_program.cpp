// The program the benchmark loads: SM_BENCH_SERVICES services s0, s1, ... that answer `status`, and
// the routes /hello (no hop), /one (one service) and /all (gather over all of them).
#include <cstdlib>
#include <sm/sm.hpp>

namespace {

class answering : public sm::service {
 public:
  explicit answering(sm::service_context ctx) : sm::service(std::move(ctx)) {
    command("status", [] { return sm::json_text{R"({"name":"service","count":42,"ok":true})"}; });
  }
};

}  // namespace

int main(int argc, char** argv) {
  const char* text = std::getenv("SM_BENCH_SERVICES");
  int services = text ? std::atoi(text) : 10;
  sm::server app{argc, argv};
  app.type<answering>("answering");
  for (int i = 0; i < services; ++i)
    app.service(
        {.name = "s" + std::to_string(i), .type = "answering", .intensity = {.restarts = 1000}});
  app.get("/hello", [] { return "hello"; });
  app.get("/one", [](sm::request& rq) { return rq.manager().send("s0", "status"); });
  app.get("/all", [](sm::request& rq) {
    return rq.manager().broadcast("*", "status", nullptr, std::chrono::seconds(1));
  });
  return app.run();
}
