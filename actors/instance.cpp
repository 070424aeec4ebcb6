#include "instance.hpp"

#include <csignal>

#include "link.hpp"
#include "process/child_reaper.hpp"
#include "process/signal_names.hpp"
#include "process_settings.hpp"

namespace sm {
namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

}  // namespace

instance::instance(supervision& s, instance_owner& owner, unsigned index)
    : s_(s), owner_(owner), index_(index), timer_(s.events.context()) {
  life_.since = clock::now();
}

instance::~instance() { drop_link("removed"); }

std::string instance::name() const { return owner_.spec().name + ":" + std::to_string(index_); }

void instance::handle(const lifecycle_event& event) {
  auto before = life_.state;
  auto was_ready = life_.ready;
  auto dice = std::uniform_real_distribution<>(0, 1)(s_.random);
  auto todo = advance(life_, owner_.spec(), event, clock::now(), dice);
  for (auto& action : todo) carry_out(action);
  if (life_.state == before && life_.ready == was_ready && todo.empty()) return;
  json change{{"service", owner_.spec().name},
              {"instance", name()},
              {"state", to_string(life_.state)},
              {"ready", life_.ready},
              {"restarts", life_.restarts}};
  if (pid_ > 0) change["pid"] = pid_;
  if (!life_.reason.empty()) change["reason"] = life_.reason;
  s_.publish("service.state", change);
  if (life_.state != before)
    s_.log.info("{} {} -> {}{}{}", name(), to_string(before), to_string(life_.state),
                life_.reason.empty() ? "" : ": ", life_.reason);
  owner_.on_changed(*this);
}

void instance::carry_out(const lifecycle_action& action) {
  std::visit(overloaded{
                 [&](const spawn_process&) { spawn(); },
                 [&](const send_stop& stop) {
                   auto deadline = clock::now() + stop.timeout / 2;
                   if (service_)
                     tell(
                         service_,
                         wire::stop{std::chrono::nanoseconds(deadline.time_since_epoch()).count()});
                 },
                 [&](const send_stop_signal&) {
                   auto number = parse_signal(owner_.spec().stop_signal).value_or(SIGTERM);
                   if (!signal(number)) signal_when_forked_ = number;
                 },
                 [&](const kill_tree&) {
                   if (!signal(SIGKILL)) signal_when_forked_ = SIGKILL;
                 },
                 [&](const arm_timer& t) { arm(t.delay); },
                 [&](const disarm_timer&) { armed_.reset(); },
             },
             action);
}

void instance::arm(std::chrono::milliseconds delay) {
  timer_.expires_after(delay);
  // A timer that has expired fires even if it was cancelled, or its instance forgotten, meanwhile.
  timer_.async_wait(
      [this, armed = std::weak_ptr<int>(armed_ = std::make_shared<int>())](error_code ec) {
        if (!ec && !armed.expired()) handle(timer_fired{});
      });
}

// -- start

void instance::spawn() {
  drop_link("restarted");
  auto pair = make_link_pair();
  if (!pair) {
    auto link = link_ = s_.next_link++;
    s_.by_link[link] = this;
    s_.events.defer([&s = s_, link, why = to_string(pair.error())] {
      if (auto entry = s.by_link.find(link); entry != s.by_link.end())
        entry->second->handle(spawn_failed{why});
    });
    return;
  }
  auto& [ours, theirs] = *pair;
  link_ = s_.next_link++;
  slot_ = s_.slots.take();
  s_.by_link[link_] = this;
  journaled_ = false;
  signal_when_forked_ = 0;
  mailbox_ = s_.mailbox.make_actor(s_.system, link_);
  publish_link(s_.system, std::move(ours), slot_, mailbox_);
  auto output = s_.folder.log_folder() / (name() + ".out");
  s_.forks.fork("sm " + name(), output.string(), std::move(theirs),
                [&s = s_, link = link_](result<pid_t> pid) {
                  if (auto entry = s.by_link.find(link); entry != s.by_link.end())
                    entry->second->on_forked(std::move(pid));
                  else if (pid)
                    signal_group(*pid, SIGKILL);
                });
}

void instance::on_forked(result<pid_t> pid) {
  if (!pid) {
    drop_link("not started");
    handle(spawn_failed{to_string(pid.error())});
    return;
  }
  pid_ = *pid;
  s_.by_pid[pid_] = this;
  if (signal_when_forked_ != 0) {
    signal(signal_when_forked_);
    signal_when_forked_ = 0;
  }
  if (auto ended = s_.unclaimed.extract(pid_)) {
    on_process_ended(ended.mapped());
    return;
  }
  // None of the service's own code runs before its process is journaled: it waits for the welcome.
  journaled_instance row{name(), pid_, process_start_time(pid_), link_, boot_id()};
  bool posted = s_.disk.post([&s = s_, row = std::move(row)] {
    auto written = s.store.put_instance(row);
    s.events.defer([&s, written, link = row.incarnation] {
      if (!written) s.log.error("the journal is behind: {}", to_string(written.error()));
      auto entry = s.by_link.find(link);
      if (entry == s.by_link.end()) return;
      entry->second->journaled_ = true;
      entry->second->welcome_when_journaled();
    });
  });
  if (posted) return;
  s_.log.error("the journal is behind: too many writes wait");
  journaled_ = true;
  welcome_when_journaled();
}

void instance::on_hello(const wire::hello& h) {
  if (h.version != wire::protocol_version) {
    handle(start_failed{"speaks protocol " + std::to_string(h.version) + ", this manager " +
                        std::to_string(wire::protocol_version)});
    handle(kill_requested{});
    return;
  }
  service_ = caf::actor_cast<caf::actor>(h.service);
  auto companion = static_cast<caf::actor_companion*>(mailbox_->get());
  companion->monitor(service_);
  welcome_when_journaled();
}

void instance::welcome_when_journaled() {
  if (!service_ || !journaled_) return;
  if (life_.state != instance_state::starting) {
    // Stopped before it could hear of it: it ends without its service ever being constructed.
    tell(service_, wire::stop{std::chrono::nanoseconds(clock::now().time_since_epoch()).count()});
    return;
  }
  started_params_ = owner_.spec().params;
  auto& c = s_.settings;
  process_settings settings{.log_file = (s_.folder.log_folder() / (name() + ".log")).string(),
                            .log_level = c.manager.log_level,
                            .queue_url = c.queue.url,
                            .payload_max = c.queue.payload_max,
                            .lease_ms = c.queue.lease.count(),
                            .enqueue_timeout_ms = c.queue.enqueue_timeout.count(),
                            .command_timeout_ms = c.link.command_timeout.count()};
  tell(service_, wire::welcome{.instance = name(),
                               .spec = print_json(to_json(owner_.spec())),
                               .settings = print_json(json(settings))});
}

// -- what comes over the link

void instance::on_message(caf::mailbox_element& element) {
  auto& content = element.content();
  if (content.match_elements<wire::reply_batch>()) {
    auto message = element.move_content_to_message();
    s_.commands.on_replies(link_, message.get_mutable_as<wire::reply_batch>(0));
  } else if (content.match_elements<wire::pong>()) {
    s_.commands.on_pong(link_);
  } else if (content.match_elements<wire::hello>()) {
    on_hello(content.get_as<wire::hello>(0));
  } else if (content.match_elements<wire::ready>()) {
    auto& message = content.get_as<wire::ready>(0);
    commands_ = message.commands;
    actor_ = message.actor;
    if (life_.state == instance_state::starting) s_.commands.attach(link_, service_);
    handle(became_ready{});
  } else if (content.match_elements<wire::goodbye>()) {
    auto& why = content.get_as<wire::goodbye>(0).start_failure;
    if (service_) tell(service_, wire::farewell{});
    if (!why.empty()) handle(start_failed{why});
  } else if (content.match_elements<wire::service_call>()) {
    owner_.on_call(*this, content.get_as<wire::service_call>(0));
  } else if (content.match_elements<wire::find_service>()) {
    auto found = owner_.find(content.get_as<wire::find_service>(0).name);
    if (found)
      respond(element, caf::make_message(std::move(found)));
    else
      respond(element, caf::make_message(caf::make_error(caf::sec::no_actor_published_at_port)));
  } else if (content.match_elements<caf::down_msg>()) {
    s_.commands.detach(link_, {errc::not_running, name() + " closed its link", name()});
    service_ = nullptr;
    handle(link_lost{});
  }
}

// -- the end

void instance::on_process_ended(const exit_status& status) {
  auto ended = std::exchange(pid_, 0);
  s_.by_pid.erase(ended);
  signal_group(ended, SIGKILL);  // what it leaves behind in its group
  if (!s_.disk.post([&s = s_, name = name(), link = link_] {
        if (auto gone = s.store.remove_instance(name, link); !gone)
          s.log.error("the journal is behind: {}", to_string(gone.error()));
      }))
    s_.log.error("the journal is behind: too many writes wait");
  drop_link("ended: " + to_string(status));
  owner_.on_ended(*this, ended, status);
  handle(process_ended{status});
}

void instance::drop_link(const std::string& why) {
  if (link_ == 0) return;
  s_.commands.detach(link_, {errc::not_running, name() + " " + why, name()});
  s_.by_link.erase(link_);
  if (mailbox_) {
    end_companion(mailbox_);
    s_.slots.give_back(slot_);
  }
  mailbox_ = nullptr;
  service_ = nullptr;
  actor_ = nullptr;
  link_ = 0;
}

// -- supervision

void supervision::on_message(std::uint64_t link, caf::mailbox_element& element) {
  if (auto entry = by_link.find(link); entry != by_link.end()) entry->second->on_message(element);
}

void supervision::reap() {
  reap_children([this](pid_t pid, const exit_status& status) {
    if (auto entry = by_pid.find(pid); entry != by_pid.end())
      entry->second->on_process_ended(status);
    else if (!forks.on_child_ended(pid) && forks.busy())
      unclaimed[pid] = status;
  });
  if (!forks.busy()) unclaimed.clear();
}

}  // namespace sm
