#include "queue/job_store.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <thread>

#include "queue/wake_up.hpp"
#include "temporary_folder.hpp"

namespace sm {
using namespace std::chrono_literals;
namespace {

/// What every store must do; the SQLite one is opened here.
class job_store_fixture : public ::testing::Test {
 protected:
  std::unique_ptr<job_store> open() {
    auto store = open_job_store("sqlite:" + file().string(), {.enqueue_timeout = 2s});
    EXPECT_TRUE(store) << to_string(store.error());
    return std::move(*store);
  }
  std::filesystem::path file() const { return folder_.path() / "queue.db"; }

  static claim_request claim(unsigned max, std::vector<std::string> queues = {"*"},
                             std::chrono::milliseconds lease = 30s) {
    return {"host:1:*", std::move(queues), max, lease};
  }
  std::vector<delivery> take(job_store& s, const claim_request& rq) {
    auto got = s.exchange({}, rq);
    EXPECT_TRUE(got) << to_string(got.error());
    return std::move(got->claimed);
  }
  static std::vector<job_id> ids(const std::vector<delivery>& list) {
    std::vector<job_id> out;
    for (auto& d : list) out.push_back(d.id);
    return out;
  }

  test::temporary_folder folder_;
};
using id_list = std::vector<job_id>;

}  // namespace

TEST_F(job_store_fixture, jobs_come_out_in_the_order_they_went_in_with_their_bytes) {
  auto s = open();
  std::string bytes("{\"class\" : \"X\",\"args\":[\"h\xc3\xa9\\/\"] }");
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"1", "q", bytes}, {"2", "q", "b"}}));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"3", "q", "c"}}));
  auto got = take(*s, claim(10));
  EXPECT_EQ(ids(got), (id_list{"1", "2", "3"}));
  EXPECT_EQ(got[0].payload, bytes);
  EXPECT_EQ(got[0].attempt, 1U);
  EXPECT_TRUE(take(*s, claim(10)).empty());
}

TEST_F(job_store_fixture, queues_are_served_by_priority_and_only_those_asked_for) {
  auto s = open();
  ASSERT_TRUE(
      s->enqueue(std::vector<new_job>{{"l", "low", "x"}, {"h", "high", "x"}, {"o", "other", "x"}}));
  EXPECT_EQ(ids(take(*s, claim(10, {"high", "low"}))), (id_list{"h", "l"}));
  EXPECT_EQ(ids(take(*s, claim(10, {"*"}))), (id_list{"o"}));
}

TEST_F(job_store_fixture, an_id_given_twice_is_one_job) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"same", "q", "first"}}));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"same", "q", "second"}}));
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, "first");
}

TEST_F(job_store_fixture, a_job_that_is_done_is_gone_and_one_that_failed_is_kept_with_its_error) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"1", "q", "a"}, {"2", "q", "b"}}));
  auto got = take(*s, claim(2));
  std::vector<job_outcome> outcomes{{got[0].tag, {}, {}}, {got[1].tag, "std::exception", "boom"}};
  auto ended = s->exchange(outcomes, claim(0));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->accepted, 2U);
  auto failed = s->failed(0, 10);
  ASSERT_EQ(failed->size(), 1U);
  EXPECT_EQ(failed->front().id, "2");
  EXPECT_EQ(failed->front().payload, "b");
  EXPECT_EQ(failed->front().exception, "std::exception");
  EXPECT_EQ(failed->front().error, "boom");
  EXPECT_EQ(failed->front().worker, "host:1:*");
  EXPECT_TRUE(s->counts()->empty());
}

TEST_F(job_store_fixture, a_lease_that_ran_out_makes_the_job_ready_and_fences_its_former_holder) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"1", "q", "a"}}));
  auto first = take(*s, claim(1, {"*"}, 0ms));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(*s->reap(), 1U);
  auto second = take(*s, claim(1));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].attempt, 2U);
  std::vector<job_outcome> late{{first[0].tag, {}, {}}};
  EXPECT_EQ(s->exchange(late, claim(0))->accepted, 0U);
  std::vector<job_outcome> right{{second[0].tag, {}, {}}};
  EXPECT_EQ(s->exchange(right, claim(0))->accepted, 1U);
}

TEST_F(job_store_fixture, a_renewed_lease_holds_and_a_lost_one_is_reported) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"1", "q", "a"}}));
  auto got = take(*s, claim(1, {"*"}, 0ms));
  std::vector<delivery_tag> held{got[0].tag};
  EXPECT_TRUE(s->renew(held, 30s)->empty());
  EXPECT_EQ(*s->reap(), 0U);
  EXPECT_EQ(*s->release("host:1:*"), 1U);
  EXPECT_EQ(*s->renew(held, 30s), held);
}

TEST_F(job_store_fixture, a_job_that_takes_its_consumer_with_it_again_and_again_fails) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"poison", "q", "a"}, {"good", "q", "b"}}));
  for (unsigned i = 0; i < crashes_max; ++i) {
    ASSERT_EQ(ids(take(*s, claim(1))), id_list{"poison"}) << i;
    EXPECT_EQ(*s->release("host:1:*"), 1U);
  }
  EXPECT_EQ(ids(take(*s, claim(10))), id_list{"good"});
  ASSERT_EQ(s->failed(0, 10)->size(), 1U);
  EXPECT_EQ(s->failed(0, 10)->front().exception, "sm::LeaseExpired");
}

TEST_F(job_store_fixture, counts_tell_ready_and_leased_jobs_of_each_queue) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"1", "a", "x"}, {"2", "a", "x"}, {"3", "b", "x"}}));
  take(*s, claim(1, {"a"}));
  auto counts = s->counts();
  ASSERT_EQ(counts->size(), 2U);
  EXPECT_EQ((*counts)[0].queue, "a");
  EXPECT_EQ((*counts)[0].ready, 1U);
  EXPECT_EQ((*counts)[0].leased, 1U);
  EXPECT_EQ((*counts)[1].ready, 1U);
}

TEST_F(job_store_fixture, many_consumers_share_the_jobs_without_giving_one_out_twice) {
  constexpr int jobs = 400;
  auto producer = open();
  std::vector<new_job> batch;
  for (int i = 0; i < jobs; ++i) batch.push_back({std::to_string(i), "q", "x"});
  ASSERT_TRUE(producer->enqueue(batch));
  std::vector<std::future<id_list>> consumers;
  for (int c = 0; c < 4; ++c)
    consumers.push_back(std::async(std::launch::async, [this] {
      auto s = open();
      id_list mine;
      std::vector<job_outcome> done;
      for (;;) {
        auto got = s->exchange(done, claim(7));
        if (!got || got->claimed.empty()) return mine;
        done.clear();
        for (auto& d : got->claimed) {
          mine.push_back(d.id);
          done.push_back({d.tag, {}, {}});
        }
      }
    }));
  std::multiset<job_id> all;
  for (auto& c : consumers)
    for (auto& id : c.get()) all.insert(id);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(jobs));
  EXPECT_EQ(std::set<job_id>(all.begin(), all.end()).size(), static_cast<std::size_t>(jobs));
}

TEST_F(job_store_fixture, an_enqueue_wakes_a_waiting_consumer) {
  auto s = open();
  auto receiver = wake_up_receiver::open(file());
  ASSERT_TRUE(receiver) << to_string(receiver.error());
  receiver->announce();
  EXPECT_FALSE(receiver->wait(1ms));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"1", "q", "x"}}));
  EXPECT_TRUE(receiver->wait(5s));
  receiver->withdraw();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{{"2", "q", "x"}}));
  EXPECT_FALSE(receiver->wait(1ms)) << "who does not wait is not woken";
  receiver->interrupt();
  EXPECT_TRUE(receiver->wait(5s));
}

TEST(job_store, a_url_of_no_known_scheme_is_refused) {
  auto store = open_job_store("ftp://x", {});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("ftp://x"), std::string::npos);
}

}  // namespace sm
