// What the tests of the Redis store alone share.
#pragma once

#include "job_store_fixture.hpp"

namespace sm {

class redis_store_fixture : public ::testing::Test {
 protected:
  std::unique_ptr<job_store> open(std::chrono::milliseconds timeout = 2s) {
    return std::move(*open_job_store(redis_.url(), {.enqueue_timeout = timeout}));
  }
  std::string url_of(const std::string& login) const {
    auto url = redis_.url();
    return url.insert(url.find("//") + 2, login + "@");
  }
  static id_list ids(const std::vector<job_view>& list) {
    id_list out;
    for (auto& v : list) out.push_back(v.id);
    return out;
  }
  test::redis_server redis_{{"--appendonly", "yes", "--appendfsync", "always"}};
};

}  // namespace sm
