#include "manager/dispatch.hpp"

#include <algorithm>

#include "security/service_scope.hpp"
#include "service/selector.hpp"

namespace sm {
namespace {

promise<json_text> failed(errc code, std::string detail, std::string where) {
  promise<json_text> p;
  p.set_error({code, std::move(detail), std::move(where)});
  return p;
}

promise<json_text> no_such(const std::string& what, const std::string& name) {
  return failed(errc::unknown_service, "there is no " + what + " called '" + name + "'", name);
}

/// While a rollout replaces an instance, an extra one answers for it.
const instance* stand_in_of(const managed_service& m) {
  for (auto& i : m.instances())
    if (i->does() == duty::stands_in && i->running()) return i.get();
  return nullptr;
}

/// In turn, but past those that are stuck as long as another one is not.
const instance* next_of(managed_service& m, const calls& commands) {
  const instance* stuck = nullptr;
  for (std::size_t n = 0; n < m.instances().size(); ++n) {
    auto& i = m.next_in_turn();
    if (!i.running()) continue;
    if (!commands.overdue(i.link())) return &i;
    stuck = &i;
  }
  return stuck;
}

gather_target target_of(const managed_service& m, const instance& i) {
  auto* who = i.running() ? &i : stand_in_of(m);
  gather_target t{m.display_name(i), who ? who->link() : 0, {}};
  if (t.process == 0) t.why_not = {errc::not_running, std::string(to_string(i.life().state)), {}};
  return t;
}

}  // namespace

/// Bounded, because a service may ask with any number.
std::chrono::milliseconds dispatch::timeout_of(const call& c) const {
  if (c.timeout.count() <= 0) return timeout_;
  return std::min<std::chrono::milliseconds>(c.timeout, std::chrono::hours(24));
}

void dispatch::tell(const call& c) const {
  log_.debug("{} calls {} of {} {}", c.caller, c.command, c.target, c.request);
}

promise<json_text> dispatch::send(const call& c) const {
  tell(c);
  auto& to = c.target;
  auto colon = to.find(':');
  auto m = find_service(services_, std::string_view(to).substr(0, colon));
  if (!m) return no_such("service", to);
  if (colon == to.npos) {
    if (auto i = next_of(*m, commands_)) return start_call(commands_, i->link(), c, timeout_of(c));
    auto state = m->instances().empty()
                     ? std::string("scaled to 0")
                     : std::string(to_string(m->instances().front()->life().state));
    return failed(errc::not_running, "no instance of '" + to + "' is ready: " + state, to);
  }
  for (auto& i : m->instances()) {
    if (i->name() != to) continue;
    if (i->running()) return start_call(commands_, i->link(), c, timeout_of(c));
    return failed(errc::not_running, to + " is " + std::string(to_string(i->life().state)), to);
  }
  return no_such("instance", to);
}

promise<json_text> dispatch::broadcast(const call& c,
                                       std::shared_ptr<const gather_watch> watch) const {
  tell(c);
  std::vector<gather_target> targets;
  targets.reserve(services_.size());
  for (auto& [name, m] : services_) {
    if (!in_scope(c.scope, name)) continue;
    if (m->desired().removed || !m->desired().enabled || !selects(c.target, m->spec())) continue;
    for (auto& i : m->instances())
      if (i->does() != duty::leaves && i->does() != duty::stands_in)
        targets.push_back(target_of(*m, *i));
  }
  if (targets.empty() && !in_scope(c.scope, c.target) && valid_name(c.target))
    return failed(errc::forbidden, "only the services " + c.scope + " may be asked", c.target);
  if (targets.empty() && c.target.find_first_of("*?:,") == c.target.npos &&
      !find_service(services_, c.target))
    return no_such("service", c.target);
  return start_gather(commands_, std::move(targets), c, timeout_of(c), std::move(watch));
}

caf::strong_actor_ptr dispatch::find(const std::string& service) const {
  auto m = find_service(services_, service);
  if (!m) return nullptr;
  for (auto& i : m->instances())
    if (i->running()) return i->actor();
  return nullptr;
}

}  // namespace sm
