// Puts jobs into a queue and says how fast: the producer's side of scripts/bench queue.
//   queue_load URL fill N          N no-op jobs, 1000 in each call
//   queue_load URL single SECONDS  one after the other, each awaited
//   queue_load URL latency N FILE  one each few milliseconds; the job appends its delay in ns to
//   FILE
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sm/queue.hpp>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

template <class T>
T wait(const sm::promise<T>& p) {
  auto value = p.wait_for(60s);
  if (!value) {
    std::fprintf(stderr, "queue_load: %s\n", to_string(value.error()).c_str());
    std::exit(1);
  }
  return std::move(*value);
}

void report(double count, clock_type::time_point begin) {
  std::printf("%.0f\n", count / std::chrono::duration<double>(clock_type::now() - begin).count());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::string url = argv[1], mode = argv[2];
  sm::queue_config config;
  if (const char* sync = std::getenv("SM_BENCH_SYNC")) config.sync = sync;
  config.enqueue_timeout = 60s;
  sm::queue queue(url, config);
  auto amount = std::atol(argv[3]);
  auto begin = clock_type::now();
  if (mode == "fill") {
    std::vector<sm::json> arguments(1000, sm::json::object());
    std::vector<sm::promise<std::vector<sm::job_id>>> sent;
    for (long done = 0; done < amount; done += 1000) {
      sent.push_back(queue.enqueue_all("Noop", arguments));
      if (sent.size() > 8) {
        wait(sent.front());
        sent.erase(sent.begin());
      }
    }
    for (auto& p : sent) wait(p);
    report(static_cast<double>(amount), begin);
  } else if (mode == "single") {
    long count = 0;
    for (; clock_type::now() - begin < std::chrono::seconds(amount); ++count)
      wait(queue.enqueue("Noop", sm::json::object()));
    report(static_cast<double>(count), begin);
  } else if (mode == "latency" && argc > 4) {
    for (long i = 0; i < amount; ++i) {
      std::this_thread::sleep_for(4ms);
      auto now = clock_type::now().time_since_epoch().count();
      queue.enqueue("Stamp", {{"file", argv[4]}, {"sent_ns", now}});
    }
  }
  return 0;
}
