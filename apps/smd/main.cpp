// smd: the ready-made manager. Its services, consumers, schedules and settings are those of its
// configuration file (docs/configuration.md) and of the management API; it has no types of its own,
// so its services are programs.
#include <sm/server.hpp>

int main(int argc, char** argv) {
  sm::server manager{argc, argv};
  return manager.run();
}
