#include "manager/change_queue.hpp"

namespace sm {
namespace {

const error shutting_down{errc::shutting_down, "the manager is shutting down", {}};

}  // namespace

promise<json> change_queue::submit(desired_change c, wait_for w, principal by) {
  asked_change asked{.what = std::move(c), .wait = w, .by = std::move(by)};
  auto done = asked.done;
  if (closed_) {
    done.set_error(shutting_down);
    return done;
  }
  waiting_.push_back(std::move(asked));
  next();
  return done;
}

void change_queue::release(const std::string& service) {
  held_.erase(service);
  next();
}

void change_queue::close() {
  closed_ = true;
  for (auto& c : std::exchange(waiting_, {})) c.done.set_error(shutting_down);
}

void change_queue::next() {
  while (!writing_ && !waiting_.empty() && !held_.contains(service_of(waiting_.front().what))) {
    auto c = std::move(waiting_.front());
    waiting_.pop_front();
    auto wanted = to_.decide(c.what);
    if (!wanted) {
      c.done.set_error(wanted.error());
    } else if (to_.is_present(*wanted)) {
      to_.carry_out(std::move(c), *wanted);
    } else {
      writing_ = true;
      journal_.put_service(
          *wanted, [this, shared = std::make_shared<asked_change>(std::move(c)), row = *wanted](
                       const result<void>& written) { on_written(shared, row, written); });
    }
  }
}

void change_queue::on_written(const std::shared_ptr<asked_change>& c, const desired_service& wanted,
                              const result<void>& written) {
  writing_ = false;
  if (written) {
    to_.carry_out(std::move(*c), wanted);
  } else {
    to_.undecide(service_of(c->what));
    c->done.set_error(written.error());
  }
  next();
}

}  // namespace sm
