#include "queue/consumer/perform.hpp"

#include <gtest/gtest.h>

#include "log/process_log.hpp"
#include "queue/job_status.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using kind = job_outcome::kind;
using namespace std::chrono_literals;

/// Does what its field says.
struct scripted_job {
  std::string does;
  json perform(job_context& job) const {
    if (does == "throw") throw std::runtime_error("no luck");
    if (does == "fail") throw failure(errc::not_found, "no such file", "/file");
    if (does == "number") throw 42;
    if (does == "skip") throw skip_job();
    return {{"attempt", job.attempt()}};
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(scripted_job, does)

class perform_fixture : public ::testing::Test {
 protected:
  perform_fixture() {
    jobs.add<scripted_job>("Scripted", {.retry = {.max_attempts = 3, .min = 1s, .jitter = 0}});
  }

  static delivery of(const json& argument, const std::string& type = "Scripted") {
    return {.tag = {7, 1},
            .queue = "default",
            .payload = encode_payload({.type = type, .args = json::array({argument}), .id = "j1"})};
  }
  static delivery doing(const std::string& what) { return of({{"does", what}}); }

  job_outcome outcome_of(const delivery& d, cancel_reason asked = cancel_reason::none) const {
    return perform(
               jobs, d, log, nullptr, [asked] { return asked; }, 0.5)
        .outcome;
  }

  job_registry jobs;
  logger log = open_log({.file = {}, .instance = {}, .level = "error"});
};

}  // namespace

TEST_F(perform_fixture, what_returns_is_done) {
  for (auto* what : {"return", "skip"}) {
    auto o = outcome_of(doing(what));
    EXPECT_EQ(o.how, kind::done) << what;
    EXPECT_EQ(o.tag, (delivery_tag{7, 1}));
    EXPECT_EQ(o.id, "j1");
  }
}

TEST_F(perform_fixture, what_throws_is_tried_again_after_a_growing_pause_and_dead_in_the_end) {
  auto d = doing("throw");
  auto before = unix_ms();
  auto first = outcome_of(d);
  EXPECT_EQ(first.how, kind::failed_retry);
  EXPECT_EQ(first.exception, "std::exception");
  EXPECT_EQ(first.text, "no luck");
  EXPECT_EQ(first.payload, d.payload);
  EXPECT_GE(first.retry_at_ms, before + 1000);
  d.failures = 1;
  EXPECT_GE(outcome_of(d).retry_at_ms, before + 2000);
  d.failures = 2;
  EXPECT_EQ(outcome_of(d).how, kind::failed_dead);
}

TEST_F(perform_fixture, an_exception_is_told_by_what_it_is) {
  EXPECT_EQ(outcome_of(doing("fail")).exception, "sm::not_found");
  EXPECT_EQ(outcome_of(doing("number")).exception, "unknown");
}

TEST_F(perform_fixture, what_another_try_cannot_help_is_dead_at_once) {
  auto unfit = outcome_of(of({{"does", 7}}));
  EXPECT_EQ(unfit.how, kind::failed_dead);
  EXPECT_EQ(unfit.exception, "sm::bad_arguments");
  auto unknown = outcome_of(of({{"does", "return"}}, "Nobodys"));
  EXPECT_EQ(unknown.how, kind::failed_dead);
  EXPECT_EQ(unknown.exception, "sm::UnknownJobType");
  auto no_job = outcome_of({.queue = "default", .payload = "{"});
  EXPECT_EQ(no_job.how, kind::failed_dead);
  EXPECT_EQ(no_job.exception, "sm::BadPayload");
  EXPECT_EQ(no_job.payload, "{") << "its bytes are kept";
}

TEST_F(perform_fixture, a_job_that_threw_because_it_was_asked_to_end_has_not_failed_by_itself) {
  struct row {
    cancel_reason why;
    kind how;
    const char* exception;
  };
  for (auto& r : std::vector<row>{{cancel_reason::by_request, kind::cancelled, ""},
                                  {cancel_reason::timeout, kind::failed_retry, "sm::Timeout"},
                                  {cancel_reason::killed, kind::failed_retry, "sm::Killed"},
                                  {cancel_reason::lease_lost, kind::returned, ""},
                                  {cancel_reason::must_go, kind::returned, ""}}) {
    auto o = outcome_of(doing("throw"), r.why);
    EXPECT_EQ(o.how, r.how) << static_cast<int>(r.why);
    EXPECT_EQ(o.exception, r.exception);
    EXPECT_EQ(outcome_of(doing("return"), r.why).how, kind::done) << "it was done before it heard";
  }
}

TEST_F(perform_fixture, a_process_that_dies_with_its_job_too_often_makes_it_dead) {
  auto d = doing("return");
  EXPECT_EQ(ended_from_outside(jobs, d, cancel_reason::none, 0.5).how, kind::crashed);
  d.crashes = crashes_max - 1;
  EXPECT_EQ(ended_from_outside(jobs, d, cancel_reason::none, 0.5).how, kind::failed_dead);
}

TEST_F(perform_fixture, hooks_run_around_and_what_they_throw_fails_the_job_only_before_it) {
  std::string ran;
  jobs.add_hooks({.before = [&](job_context&) { ran += "before "; },
                  .around =
                      [&](job_context&, const std::function<void()>& job) {
                        ran += "(";
                        job();
                        ran += ") ";
                      },
                  .after =
                      [&](job_context&) {
                        ran += "after";
                        throw std::runtime_error("too late");
                      },
                  .on_failure = [&](job_context&, const error& e) { ran += "failed: " + e.detail; },
                  .on_dead = [&](job_context&, const error&) { ran += " dead"; }});
  EXPECT_EQ(outcome_of(doing("return")).how, kind::done);
  EXPECT_EQ(ran, "before () after");
  ran.clear();
  auto d = doing("throw");
  d.failures = 2;
  EXPECT_EQ(outcome_of(d).how, kind::failed_dead);
  EXPECT_EQ(ran, "before (failed: no luck dead");
  jobs.add_hooks({.before = [](job_context&) { throw std::runtime_error("not today"); }});
  EXPECT_EQ(outcome_of(doing("return")).text, "not today");
}

TEST_F(perform_fixture, a_tracked_job_tells_its_end_and_its_result) {
  auto d = doing("return");
  d.status = encode_status({.status = job_status::phase::waiting});
  auto s = decode_status(outcome_of(d).status);
  EXPECT_EQ(s.status, job_status::phase::complete);
  EXPECT_EQ(s.result["attempt"], 1);
  d.payload = doing("fail").payload;
  d.failures = 2;
  s = decode_status(outcome_of(d).status);
  EXPECT_EQ(s.status, job_status::phase::failed);
  EXPECT_NE(s.error.find("no such file"), std::string::npos);
}

}  // namespace sm
