// The program the benchmark loads: SM_BENCH_SERVICES services s0, s1, ... that answer `status`, and
// the routes /hello (no hop), /one (one service) and /all (gather over all of them). With
// SM_BENCH_CONSUMERS=[processes, concurrency] it performs the jobs of queue_load.
#include <cstdlib>
#include <fstream>
#include <sm/sm.hpp>

namespace {

class answering : public sm::service {
 public:
  explicit answering(sm::service_context ctx) : sm::service(std::move(ctx)) {
    command("status", [] { return sm::json_text{R"({"name":"service","count":42,"ok":true})"}; });
  }
};

/// What is left is the queue itself.
struct noop_job {
  void perform(sm::job_context&) const {}
};

/// Appends how long it waited, in ns, to a file.
struct stamp_job {
  std::string file;
  std::int64_t sent_ns = 0;

  void perform(sm::job_context&) const {
    auto waited = std::chrono::steady_clock::now().time_since_epoch().count() - sent_ns;
    std::ofstream(file, std::ios::app) << waited << "\n";
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(stamp_job, file, sent_ns)

}  // namespace

int main(int argc, char** argv) {
  const char* text = std::getenv("SM_BENCH_SERVICES");
  int services = text ? std::atoi(text) : 10;
  sm::server app{argc, argv};
  app.type<answering>("answering");
  for (int i = 0; i < services; ++i)
    app.service(
        {.name = "s" + std::to_string(i), .type = "answering", .intensity = {.restarts = 1000}});
  if (const char* consumers = std::getenv("SM_BENCH_CONSUMERS")) {
    auto numbers = sm::json::parse(consumers);
    app.job<noop_job>("Noop");
    app.job<stamp_job>("Stamp");
    app.consumer({.instances = numbers[0], .concurrency = numbers[1]});
  }
  app.get("/hello", [] { return "hello"; });
  app.get("/one", [](sm::request& rq) { return rq.manager().send("s0", "status"); });
  app.get("/all", [](sm::request& rq) {
    return rq.manager().broadcast("*", "status", nullptr, std::chrono::seconds(1));
  });
  return app.run();
}
