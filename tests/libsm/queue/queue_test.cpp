#include <gtest/gtest.h>

#include <fstream>
#include <sm/queue.hpp>

#include "queue/job_store.hpp"
#include "queue/payload.hpp"
#include "temporary_folder.hpp"

namespace sm {
using namespace std::chrono_literals;
namespace {
struct mail {
  std::string to;
  void perform(job_context&) {}
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(mail, to)
}  // namespace

TEST(queue, what_is_enqueued_is_stored_when_the_promise_is_fulfilled) {
  test::temporary_folder t;
  auto url = "sqlite:" + (t.path() / "queue.db").string();
  auto jobs = std::make_shared<job_registry>();
  jobs->add<mail>("Mail");
  queue q(url, {}, jobs);
  std::vector<promise<job_id>> all;
  for (int i = 0; i < 50; ++i) all.push_back(q.enqueue(mail{std::to_string(i)}));
  std::vector<job_id> ids;
  for (auto& p : all) {
    auto id = p.wait_for(10s);
    ASSERT_TRUE(id) << to_string(id.error());
    ids.push_back(*id);
  }
  auto store = open_job_store(url, {});
  auto got = (*store)->exchange({}, {.worker = "w", .queues = {"*"}, .max = 100});
  ASSERT_EQ(got->claimed.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(key_of_job(got->claimed[i].payload), ids[i]);
    EXPECT_EQ(decode_payload(got->claimed[i].payload)->argument()["to"], std::to_string(i));
  }
}

TEST(queue, one_that_is_closed_has_stored_what_waited_and_leaves_the_file_whole) {
  test::temporary_folder t;
  auto file = t.path() / "queue.db";
  queue q("sqlite:" + file.string()), copy = q;
  auto waiting = q.enqueue("Mail", json{});
  q.close();
  ASSERT_TRUE(waiting.wait_for(1s));
  EXPECT_FALSE(std::filesystem::exists(file.string() + "-wal"));
  EXPECT_EQ(copy.enqueue("Mail", json{}).wait_for(1s).error().code, errc::shutting_down);
  EXPECT_EQ((*open_job_store("sqlite:" + file.string(), {}))->counts()->at(0).ready, 1U);
}

TEST(queue, bad_input_is_refused_with_what_is_wrong) {
  test::temporary_folder t;
  queue q("sqlite:" + (t.path() / "queue.db").string(), {.payload_max = 1000});
  EXPECT_EQ(q.enqueue(mail{"x"}).wait_for(1s).error().code, errc::invalid_spec);
  EXPECT_EQ(q.enqueue("", json{}).wait_for(1s).error().code, errc::invalid_spec);
  EXPECT_EQ(q.enqueue("T", json{}, {.queue = "a b"}).wait_for(1s).error().code, errc::invalid_spec);
  EXPECT_EQ(q.enqueue("T", std::string(2000, 'x')).wait_for(1s).error().code,
            errc::payload_too_large);
}

TEST(queue, a_store_that_cannot_be_opened_is_the_error_of_each_call) {
  queue none("sqlite:/proc/none/queue.db", {.enqueue_timeout = 100ms});
  EXPECT_EQ(none.enqueue("T", json{}).wait_for(10s).error().code, errc::unavailable);
  queue unknown("ftp://x");
  EXPECT_EQ(unknown.enqueue("T", json{}).wait_for(10s).error().code, errc::invalid_spec);
}

}  // namespace sm
