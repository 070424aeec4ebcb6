#include <sm/sm.hpp>

struct greeter : sm::service {
  explicit greeter(sm::service_context ctx) : sm::service(std::move(ctx)) {
    command("greet", [](const std::string& who) { return "hello " + who; });
  }
};

int main(int argc, char** argv) {
  sm::server app{argc, argv};
  app.type<greeter>("greeter");
  app.service({.name = "greeter", .type = "greeter"});
  app.get("/greet/:who", [](sm::request& rq) {
    return rq.manager().send("greeter", "greet", std::string(rq.capture("who")));
  });
  return app.run();
}
