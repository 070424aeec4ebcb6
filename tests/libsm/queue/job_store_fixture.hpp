// What the tests of the stores share.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "queue/job_store.hpp"
#include "queue/payload.hpp"
#include "redis_server.hpp"
#include "temporary_folder.hpp"

namespace sm {
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using kind = job_outcome::kind;
using id_list = std::vector<job_id>;

inline std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline new_job job(const job_id& id, const std::string& queue = "q") {
  return {.id = id,
          .queue = queue,
          .payload = encode_payload({.type = "T", .args = json::array({1}), .id = id})};
}

class job_store_fixture : public ::testing::TestWithParam<const char*> {
 protected:
  job_store_fixture() {
    if (std::string_view(GetParam()) == "redis") redis_.emplace();
  }

  std::string url() const { return redis_ ? redis_->url() : "sqlite:" + file().string(); }
  std::filesystem::path file() const { return folder_.path() / "queue.db"; }
  std::unique_ptr<job_store> open(queue_config config = {.enqueue_timeout = 2s}) {
    auto store = open_job_store(url(), config);
    EXPECT_TRUE(store) << to_string(store.error());
    return std::move(*store);
  }
  static claim_request claim(unsigned max, std::vector<std::string> queues = {"*"},
                             milliseconds lease = 30s) {
    return {.worker = worker, .queues = std::move(queues), .max = max, .lease = lease};
  }
  static std::vector<delivery> take(job_store& s, const claim_request& rq) {
    auto got = s.exchange({}, rq);
    EXPECT_TRUE(got) << to_string(got.error());
    return got ? std::move(got->claimed) : std::vector<delivery>{};
  }
  static void put(job_store& s, const std::vector<new_job>& jobs) {
    auto stored = s.enqueue(jobs, 5s);
    ASSERT_TRUE(stored) << to_string(stored.error());
    EXPECT_TRUE(stored->empty());
  }
  static job_outcome outcome(const delivery& d, kind how) {
    return {.tag = d.tag,
            .queue = d.queue,
            .how = how,
            .exception = how == kind::done ? "" : "std::exception",
            .text = how == kind::done ? "" : "boom",
            .payload = d.payload,
            .id = key_of_job(d.payload)};
  }
  /// Ends `d`; how many of it were accepted.
  static std::size_t end(job_store& s, const delivery& d, kind how, std::int64_t retry_at = 0) {
    auto o = outcome(d, how);
    o.retry_at_ms = retry_at;
    auto ended = s.exchange(std::vector<job_outcome>{o}, claim(0));
    EXPECT_TRUE(ended) << to_string(ended.error());
    return ended ? ended->accepted : 99;
  }
  static id_list ids(const std::vector<delivery>& list) {
    id_list out;
    for (auto& d : list) out.push_back(key_of_job(d.payload));
    return out;
  }
  static id_list ids(const std::vector<job_view>& list) {
    id_list out;
    for (auto& v : list) out.push_back(v.id);
    return out;
  }
  static queue_counts counts_of(job_store& s, const std::string& queue) {
    auto all = s.counts();
    EXPECT_TRUE(all) << to_string(all.error());
    for (auto& c : *all)
      if (c.queue == queue) return c;
    return {};
  }

  static bool remove(job_store& s, const job_view& v) { return *s.remove({&v, 1}) == 1; }
  static bool requeue(job_store& s, const job_view& v) { return *s.requeue({&v, 1}) == 1; }

  static constexpr const char* worker = "host:1:*";
  std::optional<test::redis_server> redis_;
  test::temporary_folder folder_;
};

inline claim_request all_of(unsigned max) {
  return {.worker = "w:1:*", .queues = {"*"}, .max = max};
}

}  // namespace sm
