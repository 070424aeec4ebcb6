// Three kinds of jobs: mail that is tried again, an import that tells its progress, and a report
// each morning of which there is never more than one. Producers in PHP and Ruby share the queue;
// see README.md.
#include <sm/sm.hpp>
#include <thread>

using namespace std::chrono_literals;

/// Fails now and then, as mail does; its retry policy takes care of it.
struct email_work {
  std::string email, text;

  void perform(sm::job_context& job) const {
    if (email.find('@') == std::string::npos)
      throw sm::failure(sm::errc::bad_arguments, "'" + email + "' is no address", "/email");
    job.log().info("mail to {}: {}", email, text);
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(email_work, email, text)

/// Takes its time and says how far it is. Ends early when it is cancelled.
struct import_work {
  std::string file;
  int rows = 100;

  sm::json perform(sm::job_context& job) const {
    for (int row = 0; row < rows; ++row) {
      job.check_cancelled();
      std::this_thread::sleep_for(20ms);  // the work
      job.progress(static_cast<double>(row + 1) / rows, "row " + std::to_string(row + 1));
    }
    // Each step is a job of its own. Waited for, so that this one is not done without it.
    auto mail = job.jobs().enqueue(email_work{"owner@example.org", file + " is imported"});
    if (auto stored = mail.wait_for(10s); !stored) throw sm::failure(stored.error());
    return {{"rows", rows}};
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(import_work, file, rows)

struct report_work {
  std::string name;

  void perform(sm::job_context& job) const { job.log().info("the {} report is made", name); }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(report_work, name)

int main(int argc, char** argv) {
  sm::server app{argc, argv};
  app.job<email_work>("EmailWork", {.retry = {.max_attempts = 5, .min = 1s, .max = 1min}});
  app.job<import_work>("ImportWork", {.timeout = 1min});
  app.job<report_work>("ReportWork");
  app.schedule({.name = "daily-report",
                .cron = "0 6 * * MON-FRI",
                .timezone = "Europe/Berlin",
                .type = "ReportWork",
                .argument = {{"name", "daily"}},
                .queue = "low",
                .missed = sm::schedule_spec::missed_times::once,
                .overlap = false});
  // Mail goes first; one to four processes, as the work asks for.
  app.consumer({.queues = {"mail", "*"}, .concurrency = 2, .min = 1, .max = 4});
  app.limit("mail", {.rate = 50, .period = 1s});

  app.post("/api/mail", [](sm::request& rq, const email_work& mail) {
    return rq.manager().enqueue(mail, {.queue = "mail"});
  });
  // While an import of a file waits or runs, another request for it is the same job.
  app.post("/api/import", [](sm::request& rq, const import_work& import) {
    return rq.manager().enqueue(import, {.unique = {.key = import.file}, .track = true});
  });
  return app.run();
}
