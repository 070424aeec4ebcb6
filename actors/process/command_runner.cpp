#include "process/command_runner.hpp"

#include <sm/guarded.hpp>

#include "process/guarded_behavior.hpp"

namespace sm {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t blocking_threads = 4;
constexpr std::size_t blocking_max = 65536;  // commands that wait for one of them
constexpr std::size_t reply_max =
    1 << 20;  // bytes; CAF sends larger messages, but blocks its I/O meanwhile

/// Who asked has been told `timeout` already.
bool is_late(const wire::command& c) {
  return clock::now().time_since_epoch() > std::chrono::nanoseconds(c.deadline_ns);
}

}  // namespace

void command_runner::add(const std::string& name, command_function f, bool blocking) {
  if (!commands_.try_emplace(name, entry{std::move(f), blocking}).second)
    throw failure(errc::conflict, "the command is defined twice", name);
  if (blocking && !pool_) pool_.emplace(blocking_max, blocking_threads);
}

std::vector<std::string> command_runner::names() const {
  std::vector<std::string> all;
  for (auto& [name, command] : commands_) all.push_back(name);
  return all;
}

void command_runner::run(const wire::command_batch& batch) {
  running_ = true;
  for (auto& c : batch.commands) {
    // A service that was stuck must not run it late.
    if (is_late(c)) continue;
    trace_scope of_command(child_of(c.trace));
    if (auto ok = guarded("command " + c.name, [&] { run_one(c); }); !ok)
      add_reply(c.id, tl::unexpected<error>(ok.error()));
  }
  running_ = false;
  flush();
}

command_runner::question command_runner::question_of(const wire::command& c) const {
  question asked{c.id, manager_};
  if (auto& place = current_trace(); is_recorded(place))
    asked.traced =
        std::make_shared<span>(span{.place = place,
                                    .parent = c.trace.span,
                                    .role = span::kind::server,
                                    .name = c.name,
                                    .begin = span::clock::now(),
                                    .attributes = {{"rpc.system", "sm"}, {"rpc.method", c.name}}});
  return asked;
}

void command_runner::run_one(const wire::command& c) {
  if (plain_actor_) return ask_plain_actor(c);
  auto found = commands_.find(c.name);
  if (found == commands_.end() || closed_) {
    auto why = closed_ ? fail(errc::not_running, "the service is stopping")
                       : fail(errc::unknown_command, "the service has no such command", c.name);
    return add_reply(c.id, result<std::string>(std::move(why)));
  }
  ++unanswered_;
  reply_sink sink = [this, asked = question_of(c),
                     owner = std::this_thread::get_id()](result<std::string> outcome) {
    if (std::this_thread::get_id() == owner)
      answer(asked, std::move(outcome));
    else
      posted_.post([this, asked, outcome = std::move(outcome)]() mutable {
        answer(asked, std::move(outcome));
      });
  };
  if (!found->second.blocking) return found->second.run(c.arguments, sink);
  bool posted = pool_->post([run = &found->second.run, c, sink, trace = current_trace()] {
    trace_scope of_command(trace);
    if (!is_late(c))
      (*run)(c.arguments, sink);
    else
      sink(fail(errc::timeout, "waited too long for a thread"));
  });
  if (!posted) sink(fail(errc::overloaded, "no thread can be made for it", c.name));
}

void command_runner::answer(const question& asked, result<std::string> outcome) {
  if (asked.traced) {
    auto& mine = *asked.traced;
    mine.took = span::clock::now() - mine.begin;
    mine.failed = !outcome;
    if (!outcome) mine.failure = to_string(outcome.error().code);
    record_span(mine);
  }
  if (asked.manager == manager_) add_reply(asked.id, std::move(outcome));
  --unanswered_;
  if (!running_) flush();
  if (closed_ && unanswered_ == 0) on_last_answer_();
}

void command_runner::ask_plain_actor(const wire::command& c) {
  ++unanswered_;
  auto asked = question_of(c);
  auto patience = std::chrono::nanoseconds(c.deadline_ns) - clock::now().time_since_epoch();
  self_
      ->request(caf::actor_cast<caf::actor>(plain_actor_),
                std::chrono::duration_cast<std::chrono::milliseconds>(patience),
                command_atom::value, c.name, c.arguments)
      .then([this, asked](const std::string& text) { answer(asked, text); },
            [this, asked, name = c.name](const caf::error& e) {
              if (auto thrown = error_of(e))
                answer(asked, tl::unexpected<error>(std::move(*thrown)));
              else if (e == caf::sec::unexpected_message)
                answer(asked, fail(errc::unknown_command, "the service has no such command", name));
              else
                answer(asked, fail(errc::handler_failed, self_->system().render(e)));
            });
}

void command_runner::add_reply(std::uint64_t id, result<std::string> outcome) {
  if (outcome && outcome->size() > reply_max)
    outcome = fail(errc::handler_failed, "the result has " + std::to_string(outcome->size()) +
                                             " bytes, more than " + std::to_string(reply_max));
  if (outcome)
    replies_.replies.push_back({id, wire::reply_ok, std::move(*outcome), {}});
  else
    replies_.replies.push_back({id, static_cast<std::uint8_t>(outcome.error().code),
                                std::move(outcome.error().detail),
                                std::move(outcome.error().where)});
}

void command_runner::flush() {
  if (!replies_.replies.empty()) send_(std::exchange(replies_, {}));
}

}  // namespace sm
