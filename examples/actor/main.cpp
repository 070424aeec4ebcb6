// Services as plain CAF behavior functions, in processes of their own, that talk typed to each
// other.
//
//   curl 127.0.0.1:9501/api/area?width=3&height=4     asks "surveyor", which asks "calculator"
#include <sm/caf.hpp>
#include <sm/sm.hpp>
using namespace std::chrono_literals;

using multiply = caf::atom_constant<caf::atom("multiply")>;
using calculator = caf::typed_actor<caf::replies_to<multiply, double, double>::with<double>>;

calculator::behavior_type calculate(calculator::pointer) {
  return {[](multiply, double a, double b) { return a * b; }};
}

/// Answers the command "area" of HTTP with what the calculator, in another process, says.
caf::behavior survey(caf::event_based_actor* self, const sm::actor_context& context) {
  return {[=](sm::command_atom, const std::string& name,
              const std::string& arguments) -> caf::result<std::string> {
    if (name != "area") return caf::make_error(caf::sec::unexpected_message);
    auto sides = sm::json::parse(arguments).get<std::pair<double, double>>();
    auto answer = self->make_response_promise<std::string>();
    auto failed = [answer](caf::error& e) mutable { answer.deliver(std::move(e)); };
    sm::find<calculator>(
        self, context, "calculator", 1s,
        [=](const calculator& found) {
          self->request(found, 1s, multiply::value, sides.first, sides.second)
              .then([answer](double area) mutable { answer.deliver(std::to_string(area)); },
                    failed);
        },
        failed);
    return answer;
  }};
}

int main(int argc, char** argv) {
  sm::server app{argc, argv};
  app.actor("calculator", calculate);
  app.actor("surveyor", survey);
  app.get("/api/area", [](sm::request& rq) {
    auto side = [&](const char* name) { return std::atof(rq.query(name).value_or("1").c_str()); };
    return rq.manager().send("surveyor", "area", {side("width"), side("height")});
  });
  return app.run();
}
