// An instance's link: how it comes about, for a new process and for one of an earlier manager, what
// comes over it, and its end.
#include <algorithm>

#include "link/link.hpp"
#include "manager/instance.hpp"
#include "manager/trace_exporter.hpp"
#include "process/proc_stat.hpp"
#include "process/process_settings.hpp"
#include "schema/spec_fields.hpp"

namespace sm {

void instance::make_link(unique_fd ours) {
  link_ = s_.processes.take_number();
  slot_ = s_.processes.add_link(link_, *this);
  mailbox_ = s_.mailbox.make_actor(s_.system, link_);
  publish_link(s_.system, std::move(ours), slot_, mailbox_);
}

void instance::drop_link(const std::string& why) {
  if (link_ == 0) return;
  s_.commands.detach(link_, {errc::not_running, name() + " " + why, name()});
  s_.processes.end_link(link_, slot_);
  if (mailbox_) {
    end_companion(mailbox_);
    s_.on_link_dropped();
  }
  mailbox_ = nullptr;
  service_ = nullptr;
  actor_ = nullptr;
  link_ = 0;
}

// -- adoption

void instance::found(const journaled_instance& row, bool wanted) {
  bool exists = look_for(row.pid, row.start_time) != presence::gone;
  incarnation_ = row.incarnation;
  token_ = row.token;
  started_spec_ = row.spec;
  life_.restarts = shown_restarts_ = row.restarts;
  journaled_ = welcomed_ = found_ = true;
  heed(occasion::found, wanted);
  s_.processes.add_run(incarnation_, *this);
  start_time_ = row.start_time;
  if (exists) s_.processes.add_process(pid_ = row.pid, *this);
  handle(process_found{});
  if (!wanted) handle(stop_requested{});
  if (exists) return watch_process();
  owner_.tally().count_exit(vanished{});
  forget_process();
  owner_.on_ended(*this, row.pid);
  handle(process_ended{vanished{}});
  handle(tree_gone{});
}

void instance::found_ended(const journaled_instance& row) {
  incarnation_ = row.incarnation;
  started_spec_ = row.spec;
  life_.restarts = shown_restarts_ = row.restarts;
  journaled_ = true;
  heed(occasion::found, true);
  handle(end_found{row.end->status, row.end->failed, row.end->reason});
}

bool instance::proves_to_be(const json& greeting) const {
  return greeting.value("incarnation", std::uint64_t{0}) == incarnation_ &&
         greeting.value("token", "") == token_;
}

result<std::function<void(unique_fd)>> instance::on_greeting(const json& greeting) {
  if (!proves_to_be(greeting))
    return fail(errc::conflict, "this is not the run of " + name() + " that was journaled");
  if (greeting.value("version", 0U) != wire::protocol_version)
    return fail(errc::conflict, "this manager speaks another protocol");
  // A link that broke before its first word came is replaced.
  bool unheard = found_ && link_ != 0 && !service_;
  if (!unheard && (life_.state != instance_state::starting || link_ != 0))
    return fail(errc::conflict, name() + " is " + std::string(to_string(life_.state)));
  return [this, phase = greeting.value("phase", ""),
          ready_ns = greeting.value("ready_since_ns", std::int64_t{0})](unique_fd link) {
    process_adopted adopted{.stopping = phase == "stopping"};
    if (phase == "ready")  // of the same boot, and not from the future
      adopted.ready_since =
          std::clamp(time_point(std::chrono::nanoseconds(ready_ns)), time_point{}, clock::now());
    drop_link("dialled again");
    make_link(std::move(link));
    s_.log.info("{} (pid {}) is adopted", name(), pid_);
    handle(adopted);
  };
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
  if (!service_ || !journaled_ || std::exchange(welcomed_, true)) return;
  if (life_.state != instance_state::starting) {
    // Stopped before it could hear of it: it ends without its service ever being constructed.
    tell(service_, wire::stop{std::chrono::nanoseconds(clock::now().time_since_epoch()).count()});
    return;
  }
  auto& c = s_.settings;
  process_settings settings{.log_file = (s_.folder.log_folder() / (name() + ".log")).string(),
                            .log_level = c.manager.log_level,
                            .queue = c.queue,
                            .command_timeout_ms = c.link.command_timeout.count(),
                            .orphan_grace_ms = c.manager.orphan_grace.count(),
                            .trace_sample = sampling_of(c.trace),
                            .trace_export = !c.trace.endpoint.empty()};
  tell(service_, wire::welcome{.instance = name(),
                               .spec = print_json(to_short_json(started_spec_)),
                               .settings = print_json(json(settings))});
  // From here on it is the process that takes the time.
  arm(owner_.spec().start_timeout);
}

// -- what comes over the link

void instance::on_message(caf::mailbox_element& element) {
  auto& content = element.content();
  if (content.match_elements<wire::reply_batch>()) {
    auto message = element.move_content_to_message();
    s_.commands.on_replies(link_, message.get_mutable_as<wire::reply_batch>(0));
  } else if (content.match_elements<wire::pong>()) {
    alive_at_ = clock::now();
    s_.commands.on_pong(link_);
  } else if (content.match_elements<wire::hello>()) {
    on_hello(content.get_as<wire::hello>(0));
  } else if (content.match_elements<wire::ready>()) {
    auto& message = content.get_as<wire::ready>(0);
    commands_ = message.commands;
    main_pid_ = message.main_pid;
    actor_ = message.actor;
    look_up_build();
    if (!running()) s_.commands.attach(link_, service_, name());
    handle(became_ready{});
  } else if (content.match_elements<wire::goodbye>()) {
    auto& why = content.get_as<wire::goodbye>(0).reason;
    said_goodbye_ = true;
    if (service_) tell(service_, wire::farewell{});
    if (!why.empty()) handle(start_failed{why, content.get_as<wire::goodbye>(0).failure});
  } else if (content.match_elements<wire::program_state>()) {
    program_ = content.get_as<wire::program_state>(0);
    if (looked_up_ > 0 && looked_up_ != main_pid()) look_up_build();  // MAINPID=
  } else if (content.match_elements<wire::extend_timeout>()) {
    handle(
        timeout_extended{std::chrono::milliseconds(content.get_as<wire::extend_timeout>(0).by_ms)});
  } else if (content.match_elements<wire::service_event>()) {
    auto& event = content.get_as<wire::service_event>(0);
    auto data = parse_json(event.data);
    if (!data || !data->is_object()) return;
    (*data)["instance"] = name();
    s_.publish(event.type, *data);
  } else if (content.match_elements<wire::job_report>()) {
    if (auto tallies = job_tallies::decode(content.get_as<wire::job_report>(0).tallies))
      s_.tallies.put(incarnation_, std::move(*tallies));
  } else if (content.match_elements<wire::metric_report>()) {
    s_.reports.put(
        incarnation_,
        {owner_.spec().name, name(),
         std::make_shared<const std::string>(content.get_as<wire::metric_report>(0).families)});
  } else if (content.match_elements<wire::span_batch>()) {
    auto& batch = content.get_as<wire::span_batch>(0);
    for (auto& encoded : batch.spans) s_.on_span({owner_.spec().name, name()}, encoded);
    s_.on_spans_dropped(batch.dropped);
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
    if (!said_goodbye_) handle(link_lost{});  // else it ends by itself, as it said
  }
}

}  // namespace sm
