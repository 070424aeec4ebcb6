// The parts of CAF that sm uses, and the few calls whose form differs between CAF versions. Besides
// messages.hpp and link.cpp nothing else knows which version this is.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_companion.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <string>

namespace sm {

/// How every process of sm runs CAF: few threads, no file or argument read, remote messages decoded
/// in the I/O thread so that a command costs no hop, no heartbeats (a link is a socketpair: death
/// shows as end of file, and a hang is found by a ping to the actor).
inline void configure(caf::actor_system_config& c) {
  c.set("scheduler.policy", caf::atom("sharing"));
  c.set("scheduler.max-threads", 1);
  c.set("middleman.workers", 0);
  c.set("middleman.attach-utility-actors",
        true);  // no thread for connecting by host name, which is never done
  c.set("middleman.heartbeat-interval", caf::timespan{0});
  c.set("logger.console", caf::atom("none"));
}

/// Sends `message` from nobody in particular.
template <class Handle, class Message>
void tell(const Handle& to, Message message) {
  caf::anon_send(to, std::move(message));
}

/// Sends `message` after `delay`; the message is how a timer reaches its actor.
template <class Message>
void tell_after(caf::io::broker* self, std::chrono::milliseconds delay, Message message) {
  self->delayed_send(self, delay, std::move(message));
}

/// Ends a companion: it hears nothing more, and who monitors it is told. (0.17.6 declares
/// actor_companion::disconnect but does not define it.)
inline void end_companion(const caf::strong_actor_ptr& actor) {
  auto companion = static_cast<caf::actor_companion*>(actor->get());
  companion->on_enqueue(nullptr);
  companion->cleanup(caf::make_error(caf::exit_reason::kill), nullptr);
}

/// Answers the request that `element` carries.
inline void respond(const caf::mailbox_element& element, caf::message answer) {
  if (!element.sender || !element.mid.is_request()) return;
  element.sender->enqueue(nullptr, element.mid.response_id(), std::move(answer), nullptr);
}

}  // namespace sm
