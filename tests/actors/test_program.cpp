// The program the integration tests run: services that work, and services that misbehave on
// purpose.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sm/sm.hpp>
#include <thread>

using namespace std::chrono_literals;

namespace {

struct point {
  int x = 0;
  int y = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(point, x, y)

/// Appends its number to the file named by "file"; "crash" kills its consumer, "fail" throws,
/// "ruby" has a worker of Resque add the next number.
struct note_job {
  std::string file;
  int number = 0;
  std::string mood;

  void perform(sm::job_context& job) const {
    static const sm::metrics::counter noted{"notes", "Jobs that were noted."};
    noted.add();
    if (mood == "ruby")
      job.jobs().enqueue("RubyNote", {{"file", file}, {"number", number + 1}}, {.queue = "ruby"});
    if (mood == "crash") ::raise(SIGKILL);
    if (mood == "fail") throw std::runtime_error("no mood for " + std::to_string(number));
    if (mood == "slow") std::this_thread::sleep_for(1500ms);
    std::ofstream(file, std::ios::app) << number << "\n";
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(note_job, file, number, mood)

/// A job whose course its fields tell: appends "begin NUMBER ATTEMPT" and "end NUMBER" to the file.
/// It does not end while there is a file of that name and ".gate".
struct work_job {
  std::string file;
  int number = 0;
  std::string mood;
  int ms = 0;

  sm::json perform(sm::job_context& job) const {
    write("begin " + std::to_string(number) + " " + std::to_string(job.attempt()) + " " +
          std::to_string(::getpid()));
    if (mood == "fail" || (mood == "fail_once" && job.attempt() == 1))
      throw std::runtime_error("no mood for " + std::to_string(number));
    if (mood == "crash") ::raise(SIGKILL);
    if (mood == "exit") ::_exit(3);
    if (mood == "progress") job.progress(0.5, "half of it");
    if (mood == "chain") job.jobs().enqueue("Work", {{"file", file}, {"number", number + 1}});
    // A job that takes its time; one that is "deaf" does not look whether it shall end.
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    auto gate = file + ".gate";
    while (std::chrono::steady_clock::now() < end || ::access(gate.c_str(), F_OK) == 0) {
      if (mood != "deaf") job.check_cancelled();
      std::this_thread::sleep_for(5ms);
    }
    write("end " + std::to_string(number));
    return {{"number", number}};
  }

 private:
  /// One write, so that lines of several processes do not mix.
  void write(const std::string& line) const {
    int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    auto text = line + "\n";
    [[maybe_unused]] auto n = ::write(fd, text.data(), text.size());
    ::close(fd);
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(work_job, file, number, mood, ms)

/// Costs nothing: what is left is the queue itself.
struct noop_job {
  void perform(sm::job_context&) const {}
};
/// A stream that ends at once.
class no_stream : public sm::response_stream {
 public:
  bool pull(std::string&, std::size_t) override { return false; }
};

/// A stream that fails in its middle.
class broken_stream : public sm::response_stream {
 public:
  bool pull(std::string& out, std::size_t) override {
    if (begun_) throw 1;
    begun_ = true;
    out += "first\n";
    return true;
  }

 private:
  bool begun_ = false;
};

class tool : public sm::service {
 public:
  explicit tool(sm::service_context ctx) : sm::service(std::move(ctx)) {
    if (params().value("fail", false)) throw std::runtime_error("no database");
    if (params().value("exit", -1) >= 0) ::_exit(params().value("exit", 0));
    if (params().value("hang_in_start", false)) std::this_thread::sleep_for(1h);
    // A constructor that takes its time.
    std::this_thread::sleep_for(std::chrono::milliseconds(params().value("start_ms", 0)));
    if (auto folder = params().value("life", ""); !folder.empty()) {
      auto file = folder + "/" + instance();
      // Every beat is one line of this process: the lines of two that ran at once would mix.
      // Pids come again, so the time of the start belongs to it.
      auto start = std::chrono::steady_clock::now().time_since_epoch().count();
      auto line = std::to_string(::getpid()) + "." + std::to_string(start) + "\n";
      auto beat = [file, line] { std::ofstream(file, std::ios::app) << line << std::flush; };
      beat();
      every(10ms, beat);
    }
    if (params().value("daemon", false)) {
      command("daemon", [](int count) {
        for (int i = 0; i < count; ++i)
          if (::fork() == 0) {
            ::setsid();
            if (::fork() != 0) ::_exit(0);
            ::execl("/bin/sleep", "sleep", "1234", nullptr);
            ::_exit(1);
          }
      });
    }
    if (params().value("grandchild", false)) {
      auto child = ::fork();
      if (child == 0) {
        ::execl("/bin/sleep", "sleep", "1000", nullptr);
        ::_exit(1);
      }
      command("grandchild", [child] { return child; });
    }
    if (params().value("stubborn", false)) ::signal(SIGTERM, SIG_IGN);
    stubborn_ = params().value("stubborn", false);
    log().info("constructed");
    command("pid", [] { return ::getpid(); });
    command("name", [this] { return name() + "/" + instance(); });
    command("echo", [](const sm::json& value) { return value; });
    command("add", [](const point& p) { return p.x + p.y; });
    command("throw", []() -> int { throw std::runtime_error("as asked"); });
    command("refuse", []() -> int { throw sm::failure(sm::errc::conflict, "not now", "/here"); });
    command("nothing", [] {});
    // Throws where no caller waits for what is thrown.
    command("throw_in", [this](const std::string& place) {
      auto thrower = [place] { throw std::runtime_error("thrown in " + place); };
      if (place == "a timer") after(1ms, thrower);
      if (place == "a timer that repeats") every(10ms, thrower);
      if (place == "a continuation") send(name(), "nothing").then([thrower](auto&&) { thrower(); });
    });
    // A handler that blocks its service: the misbehaviour that tests are about.
    command("hang", [this](int ms) {
      ++calls_;
      std::this_thread::sleep_for(std::chrono::milliseconds(ms));
      return "done";
    });
    command_blocking("work", [](int ms) {
      std::this_thread::sleep_for(std::chrono::milliseconds(ms));
      return ::getpid();
    });
    command("allocate", [this](std::size_t megabytes) {
      hoard_.assign(megabytes << 20, 'x');
      return megabytes;
    });
    // What a hang looks like from outside.
    command("spin", [] {
      volatile bool for_ever = true;
      while (for_ever) {
      }
    });
    command("deadlock", [] {
      std::mutex mutex;
      mutex.lock();
      std::thread([&] { mutex.lock(); }).join();
    });
    command("stop_itself", [] { ::raise(SIGSTOP); });
    command("crash", [](const std::string& how) {
      if (how == "abort") std::abort();
      ::raise(SIGSEGV);
    });
    command("print_and_die", [](const std::string& words) {
      std::printf("%s\n", words.c_str());
      ::kill(::getpid(), SIGKILL);
    });
    command("print_megabytes", [](int count) {
      const std::string line(1023, 'x');
      for (int i = 0; i < count * 1024; ++i) std::puts(line.c_str());
    });
    command("calls", [this] { return calls_; });
    command("count", [this](double amount) {
      counted_.add(amount);
      took_.observe(amount);
    });
    command("later", [this](int ms) {
      sm::promise<std::string> answer;
      after(std::chrono::milliseconds(ms), [answer] { answer.set_value("later"); });
      return answer;
    });
    command("never", [] { return sm::promise<int>(); });
    command("ticks", [this] { return ticks_; });
    command("ask", [this](const std::string& who) { return send(who, "pid"); });
    command_blocking("ask_blocking", [this](const std::string& who) { return send(who, "pid"); });
    command("ask_all", [this] { return broadcast("*", "pid"); });
    command("note", [this](const note_job& job) {
      log().info("notes {}", job.number);
      return enqueue(job);
    });
    command("big", [](std::size_t bytes) { return std::string(bytes, 'x'); });
    if (params().value("printing", false))
      every(5ms, [] {
        std::puts("print, print, print, print, print, print, print, print");
        std::fflush(stdout);
      });
    if (params().value("ticking", false)) every(20ms, [this] { ++ticks_; });
  }
  ~tool() override {
    log().info("destroyed");
    if (stubborn_) std::this_thread::sleep_for(1h);
  }

 private:
  const sm::metrics::counter counted_{
      "tool_counted", "What the command count was told.", {{"kind", "told"}}};
  const sm::metrics::histogram took_{"tool_took_seconds", "Likewise, as seconds."};
  int calls_ = 0;
  int ticks_ = 0;
  std::string hoard_;
  bool stubborn_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  sm::server app{argc, argv};
  app.type<tool>("tool");
  app.job<note_job>("Note", {.retry = {.max_attempts = 1}});
  sm::retry_policy soon{.max_attempts = 3, .min = 50ms, .max = 100ms};
  app.job<work_job>("Once", {.retry = {.max_attempts = 1}});
  app.job<work_job>("Work", {.retry = soon});
  app.job<work_job>("Hasty", {.retry = {.max_attempts = 1}, .timeout = 300ms});
  app.job<noop_job>("Noop");
  app.hooks({.before =
                 [](sm::job_context& job) {
                   if (job.queue() == "skipped") throw sm::skip_job{};
                 },
             .around =
                 [](sm::job_context& job, const std::function<void()>& perform) {
                   job.log().info("around {} begins", job.id());
                   perform();
                   job.log().info("around {} ends", job.id());
                 },
             .on_failure = [](sm::job_context& job,
                              const sm::error& e) { job.log().info("hook: failed: {}", e.detail); },
             .on_dead = [](sm::job_context& job,
                           const sm::error&) { job.log().info("hook: {} is dead", job.id()); }});
  if (const char* consumer = std::getenv("TEST_CONSUMER")) {
    auto p = sm::json::parse(consumer);
    app.consumer({.queues = p.value("queues", std::vector<std::string>{"*"}),
                  .instances = p.value("instances", 1U),
                  .concurrency = p.value("concurrency", 1U),
                  .isolate = p.value("isolate", false),
                  .drain = std::chrono::milliseconds(p.value("drain_ms", 5000)),
                  .min = p.value("min", 0U),
                  .max = p.value("max", 0U),
                  .latency = std::chrono::milliseconds(p.value("latency_ms", 2000)),
                  .cool_down = std::chrono::milliseconds(p.value("cool_down_ms", 30000))});
  }
  if (const char* cron = std::getenv("TEST_SCHEDULE"))
    app.schedule({.name = "often",
                  .cron = cron,
                  .type = "Work",
                  .argument = {{"file", std::getenv("TEST_SCHEDULE_FILE")}, {"number", 77}}});
  app.service({.name = "a", .type = "tool", .params = {{"ticking", true}}});
  app.service({.name = "b", .type = "tool"});
  if (const char* strategy = std::getenv("TEST_GROUP"))
    app.group({.name = "g",
               .strategy = std::string(strategy) == "rest_for_one"
                               ? sm::group_strategy::rest_for_one
                               : sm::group_strategy::one_for_all,
               .intensity = {.restarts = 2, .window = 1h}});
  app.get("/hello", [] { return "hello"; });
  app.get("/gather",
          [](sm::request& rq) { return rq.manager().broadcast("*", "pid", nullptr, 300ms); });
  app.get("/hang/:ms", [](sm::request& rq) {
    return rq.manager().broadcast("b", "hang", std::stoi(std::string(rq.capture("ms"))), 300ms);
  });
  app.post("/point", [](sm::request&, const point& p) { return sm::json{{"sum", p.x + p.y}}; });
  app.get("/throw", []() -> std::string { throw std::runtime_error("a handler threw"); });
  app.get("/for/operators",
          [](sm::request& rq) { return std::string(to_string(rq.caller().role.value())); },
          {.role = sm::api_role::operate});
  app.route("GET", "/twice", [](sm::request&, const sm::response_sink& answer) {
    answer({.body = "once"});
    throw std::runtime_error("after its answer");
  });
  app.get("/later", [](sm::request& rq) { return rq.manager().send("a", "later", 400); });
  app.get("/never", [] { return sm::promise<sm::json>(); });
  app.post("/jobs", [](sm::request& rq, const note_job& job) { return rq.manager().enqueue(job); });
  app.get("/empty", [] {});
  // A handler that blocks the loop, and one that makes a header of what it is given.
  app.get("/block/:ms", [](sm::request& rq) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(std::stoi(std::string(rq.capture("ms")))));
    return "slept";
  });
  app.get("/header", [](sm::request& rq) {
    return sm::response{
        .status = 202,
        .body = rq.id(),
        .headers = {{"X-Given", rq.query("value").value_or("")}, {"Content-Length", "1"}},
        .stream = rq.query("stream") ? std::make_shared<no_stream>() : nullptr};
  });
  app.get("/throw/stream",
          [] { return sm::response{.stream = std::make_shared<broken_stream>()}; });
  app.get("/throw/command", [](sm::request& rq) { return rq.manager().send("a", "throw"); });
  return app.run();
}
