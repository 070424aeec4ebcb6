// A program with consumers, on one of the two stores, and a look at its jobs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sm/queue.hpp>
#include <sstream>

#include "program.hpp"
#include "redis_server.hpp"

namespace sm::test {
using namespace std::chrono_literals;
class queue_fixture : public ::testing::TestWithParam<const char*> {
 protected:
  queue_fixture() {
    if (std::string_view(GetParam()) == "redis") redis.emplace();
  }

  /// Starts the program with a consumer as `consumer` says.
  void start(const json& consumer = json::object(), std::vector<std::string> environment = {}) {
    environment.push_back("TEST_CONSUMER=" + consumer.dump());
    std::vector<std::string> arguments{"--set", "queue.cancel_grace=300ms", "--set",
                                       "queue.lease=" + lease};
    if (redis) arguments.insert(arguments.end(), {"--set", "queue.url=" + redis->url()});
    app.emplace(TEST_PROGRAM, arguments, environment);
    ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
    outside.emplace(url());
  }
  std::string url() const {
    return redis ? redis->url() : "sqlite:" + (app->state() / "queue.db").string();
  }
  std::string file() const { return (folder.path() / "work").string(); }
  json work(int number, const std::string& mood = "", int ms = 0) const {
    return {{"file", file()}, {"number", number}, {"mood", mood}, {"ms", ms}};
  }
  job_id put(const std::string& type, const json& argument, enqueue_options options = {}) {
    auto id = outside->enqueue(type, argument, std::move(options)).wait_for(5s);
    EXPECT_TRUE(id) << to_string(id.error());
    return id ? *id : job_id{};
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream in(file());
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  /// How many lines begin with `what`.
  long count(const std::string& what) const {
    auto all = lines();
    return std::count_if(all.begin(), all.end(), [&](auto& l) { return l.starts_with(what); });
  }
  bool comes(const std::string& what, long times = 1) {
    return eventually([&] { return count(what) >= times; });
  }
  /// From here on no job of type Work ends until let_go(): what a test sees of a running job does
  /// not depend on how fast it looks.
  void hold() const { std::ofstream(file() + ".gate").flush(); }
  void let_go() const { std::filesystem::remove(file() + ".gate"); }
  json get(const std::string& target) const { return app->api("GET", target).document(); }
  json dead() const { return get("/v1/failed")["failed"]; }
  json queue_of(const std::string& name) const { return get("/v1/queues/" + name); }
  pid_t consumer(std::size_t index = 0) const {
    return app->instance_pid("consumer.default", index);
  }

  std::string lease = "30s";
  std::optional<redis_server> redis;
  temporary_folder folder;
  std::optional<program> app;
  std::optional<queue> outside;
};

}  // namespace sm::test
