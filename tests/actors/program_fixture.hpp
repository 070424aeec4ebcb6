// Programs under supervision: shell scripts and small servers.
#pragma once

#include <unistd.h>

#include "supervision_fixture.hpp"

namespace sm::test {

class program_fixture : public supervision_fixture {
 protected:
  using supervision_fixture::supervision_fixture;

  json program_named(const std::string& name, std::vector<std::string> command,
                     json extra = json::object()) {
    json document{{"name", name}, {"command", std::move(command)}};
    document.update(extra);
    return document;
  }
  json shell(const std::string& name, const std::string& script, json extra = json::object()) {
    return program_named(name, {"sh", "-c", script}, std::move(extra));
  }
  /// An HTTP server that answers 200, or 500 once the file "sick" is in its folder.
  std::vector<std::string> http_server() {
    return {"python3", "-u", "-c", R"(
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(os.getpid()).encode()
        self.send_response(500 if os.path.exists('sick') else 200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
print('listening')
server.serve_forever()
)",
            std::to_string(port_)};
  }
  bool logged(const std::string& instance, const std::string& text) {
    return eventually([&] { return app.log_of(instance).find(text) != std::string::npos; });
  }

  // Below the ports that connections take for their own end.
  const int port_ = 10'000 + static_cast<int>(::getpid() % 20'000);
};

}  // namespace sm::test
