// Jobs: plain structs whose fields are their arguments and whose perform() does the work in a
// consumer process. At least once: a job runs again only when its consumer died or fell silent.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <map>
#include <sm/json.hpp>
#include <sm/log.hpp>
#include <string>
#include <typeindex>
#include <utility>

namespace sm {

using job_id = std::string;  ///< 32 lower-case hex digits, or what the producer gave

/// What a job may ask about itself while it runs.
class job_context {
 public:
  job_context(job_id id, std::string queue, unsigned attempt, logger log)
      : id_(std::move(id)), queue_(std::move(queue)), attempt_(attempt), log_(std::move(log)) {}

  const job_id& id() const noexcept { return id_; }
  const std::string& queue() const noexcept { return queue_; }
  unsigned attempt() const noexcept { return attempt_; }  ///< 1 for the first delivery
  const logger& log() const noexcept { return log_; }

 private:
  job_id id_;
  std::string queue_;
  unsigned attempt_;
  logger log_;
};

struct enqueue_options {
  std::string queue = "default";  ///< without blanks
  job_id id{};                    ///< the caller's own: enqueueing the same id twice makes one job
};

/// The job types a program knows, by their names in the queue.
class job_registry {
 public:
  using perform_function = std::function<void(const json& argument, job_context&)>;

  template <class Job>
  void add(std::string name) {
    names_[std::type_index(typeid(Job))] = name;
    performers_[std::move(name)] = [](const json& argument, job_context& context) {
      auto job = from_json_value<Job>(argument);
      if (!job) throw failure(job.error());
      job->perform(context);
    };
  }

  /// The name `Job` was registered with, or null.
  template <class Job>
  const std::string* name_of() const {
    auto entry = names_.find(std::type_index(typeid(Job)));
    return entry == names_.end() ? nullptr : &entry->second;
  }

  /// The performer of the type called `name`, or null.
  const perform_function* find(const std::string& name) const {
    auto entry = performers_.find(name);
    return entry == performers_.end() ? nullptr : &entry->second;
  }

  bool contains(const std::string& name) const { return performers_.contains(name); }
  bool empty() const noexcept { return performers_.empty(); }

 private:
  std::map<std::type_index, std::string> names_;
  std::map<std::string, perform_function> performers_;
};

}  // namespace sm
