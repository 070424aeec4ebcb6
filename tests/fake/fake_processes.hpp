// Makes no processes: takes the requests, and lets the test say what becomes of them.
#pragma once

#include <map>
#include <set>

#include "manager/fork_client.hpp"

namespace sm::test {

class fake_processes : public process_maker {
 public:
  struct request {
    fork_request what;
    unique_fd link;
    on_forked done;
  };

  void fork(const fork_request& rq, unique_fd link, const std::vector<int>&,
            on_forked done) override {
    requests.push_back({rq, std::move(link), std::move(done)});
  }
  bool forget(pid_t pid, const std::string&, std::function<void()> done) override {
    forgotten.insert(pid);
    if (done) done();
    return false;
  }
  void ended(pid_t) override {}
  void take_over(unique_fd channel, const std::vector<pid_t>& children) override {
    channels.push_back(std::move(channel));
    adopted.insert(children.begin(), children.end());
  }
  bool is_ours(pid_t) const override { return false; }
  std::vector<pid_t> ours() const override { return {}; }
  void collect_earlier() override {}
  const std::filesystem::path& executable() const override { return executable_; }

  std::vector<request> requests;
  std::vector<unique_fd> channels;
  std::set<pid_t> forgotten, adopted;

 private:
  const std::filesystem::path executable_ = "/proc/self/exe";
};

}  // namespace sm::test
