// The test program under supervision, with the calls that tests of it share.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "program.hpp"

namespace sm::test {

using namespace std::chrono_literals;

inline json tool_named(const std::string& name, json params = json::object(),
                       json extra = json::object()) {
  json document{{"name", name}, {"type", "tool"}, {"params", std::move(params)}};
  document.update(extra);
  return document;
}

/// A crash loop that is over in a moment.
inline const json quick_to_give_up{{"backoff", {{"min", "10ms"}, {"max", "20ms"}}},
                                   {"intensity", {{"restarts", 3}, {"window", "1m"}}}};

class supervision_fixture : public ::testing::Test {
 protected:
  explicit supervision_fixture(std::vector<std::string> arguments = {},
                               std::vector<std::string> environment = {})
      : app(TEST_PROGRAM, std::move(arguments), std::move(environment)) {
    EXPECT_TRUE(eventually([&] { return app.all_ready(); }));
  }

  json call(const std::string& service, const std::string& command, const json& arguments = nullptr,
            const std::string& query = "") {
    return app
        .api("POST", "/v1/services/" + service + "/commands/" + command + query, arguments.dump())
        .document();
  }
  http_reply add(const json& document) { return app.api("POST", "/v1/services", document.dump()); }
  bool reaches(const std::string& service, const std::string& state) {
    return eventually([&] { return app.service(service).value("state", "") == state; });
  }
  json verb(const std::string& service, const std::string& what, const std::string& body = "") {
    return app.api("POST", "/v1/services/" + service + "/" + what + "?wait=10s", body).document();
  }

  std::string text_of(const std::filesystem::path& file) const {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  program app;
};

}  // namespace sm::test
