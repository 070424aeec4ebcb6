// What the supervisor wants as values, and a plan carried out: each change by the one queue of
// changes, journaled like those of people.
#include "manager/supervisor.hpp"

namespace sm {
std::vector<desired_service> supervisor::desired() const {
  std::vector<desired_service> all;
  for (auto& [name, m] : services_)
    // What an earlier manager left and nobody wants is not wanted.
    if (!m->desired().removed) all.push_back(m->desired());
  for (auto& [name, row] : removed_by_hand_) all.push_back(row);
  return all;
}

std::vector<error> supervisor::check(const service_plan& plan) const {
  std::vector<error> errors;
  dependency_graph order;
  for (auto& c : plan.changes) {
    if (c.wanted.removed) continue;
    auto ok = check(c.wanted);
    if (ok) ok = order.put(c.wanted.spec);
    if (!ok) errors.push_back({ok.error().code, ok.error().detail, c.name + ok.error().where});
  }
  return errors;
}

promise<json> supervisor::carry_out(const service_plan& plan, wait_for w, const principal& by) {
  struct under_way {
    std::vector<json> rows;
    std::size_t open = 1;
    bool complete = true;
    promise<json> done;
    void close() {
      if (--open == 0) done.set_value({{"complete", complete}, {"changes", rows}});
    }
  };
  auto all = std::make_shared<under_way>();
  auto done = all->done;
  for (auto& c : plan.changes) {
    auto m = lookup(c.name);
    bool told = c.action != plan_action::keep;
    bool journaled =
        told || (m && (m->desired() != c.wanted || m->desired().origin != c.wanted.origin));
    if (!journaled) continue;
    auto place = all->rows.size();
    if (told) all->rows.push_back({{"name", c.name}, {"action", to_string(c.action)}});
    ++all->open;
    changes_.submit(follow_declaration{c.name, c.wanted}, told ? w : wait_for{}, by)
        .then([all, place, told](const result<json>& outcome) {
          if (told && outcome) {
            all->rows[place]["outcome"] = "done";
          } else if (told) {
            all->complete = false;
            all->rows[place]["outcome"] = "failed";
            all->rows[place]["error"] = {{"code", to_string(outcome.error().code)},
                                         {"detail", outcome.error().detail}};
          }
          all->close();
        });
  }
  all->close();
  return done;
}

}  // namespace sm
