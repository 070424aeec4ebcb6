// Opens CAF: services written as plain CAF behavior functions, and typed messages between
// processes. The one public header that includes CAF. SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/broker.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_behavior.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <sm/server.hpp>
#include <string>
#include <utility>

namespace sm {

/// Handed to a behavior function that takes it as its last parameter.
struct actor_context {
  std::string service;
  std::string instance;
  json params;
  logger log;
  caf::actor directory;  ///< finds the actors of other services
};

/// A command of the manager or of HTTP reaches a plain actor as (command_atom, name, arguments),
/// both texts JSON; it answers with JSON as a std::string. An actor without such a handler answers
/// `unknown_command`. What a handler of the behavior that the function returned throws is the
/// error of who asked, and the actor lives on; one that was set by `become` is CAF's alone.
using command_atom = caf::atom_constant<caf::atom("command")>;

/// Looks for the actor of the service called `name`, in whatever process it runs, and calls
/// `then(Handle)` in `self`, or `failed(caf::error)` when there is none within `timeout`.
template <class Handle, class Self, class Then, class Failed>
void find(Self* self, const actor_context& context, const std::string& name,
          std::chrono::milliseconds timeout, Then then, Failed failed) {
  self->request(context.directory, timeout, caf::get_atom::value, name)
      .then([then](const caf::strong_actor_ptr& found) { then(caf::actor_cast<Handle>(found)); },
            failed);
}

namespace detail {

struct actor_factory {
  std::function<caf::strong_actor_ptr(caf::actor_system&, actor_context)> spawn;
};

/// Lets an actor live on when one of its handlers throws: who asked gets an error, which is logged,
/// and `bad_arguments` with the field for what the JSON library throws.
caf::behavior guard_handlers(std::string where, caf::behavior handlers);
template <class... Sigs>
caf::typed_behavior<Sigs...> guard_handlers(std::string where,
                                            caf::typed_behavior<Sigs...> handlers) {
  return {typename caf::typed_behavior<Sigs...>::unsafe_init{},
          guard_handlers(std::move(where), std::move(handlers.unbox()))};
}

/// Registered by `server::message`, applied to each process's actor system.
void add_message_registration(server_state& state,
                              std::function<void(caf::actor_system_config&)> add);

/// The actor class whose pointer a behavior function takes first.
template <class F>
struct actor_of : actor_of<decltype(+std::declval<F>())> {};
template <class R, class A, class... Ts>
struct actor_of<R (*)(A*, Ts...)> {
  using type = A;
  static constexpr bool takes_context = sizeof...(Ts) > 0;
};

}  // namespace detail

template <class F>
void server::actor(const std::string& name, F behavior_function) {
  auto factory = std::make_shared<detail::actor_factory>();
  factory->spawn = [behavior_function](caf::actor_system& system, actor_context given) {
    // By arguments, because CAF 0.17 dereferences a null pointer for functions that take none.
    return caf::actor_cast<caf::strong_actor_ptr>(system.spawn(
        [](typename detail::actor_of<F>::type* self, const F& f, const actor_context& context) {
          auto handlers = [&]() -> decltype(auto) {
            if constexpr (detail::actor_of<F>::takes_context)
              return f(self, context);
            else
              return f(self);
          };
          if constexpr (std::is_void_v<decltype(handlers())>)
            handlers();
          else
            return detail::guard_handlers("actor " + context.instance, handlers());
        },
        behavior_function, std::move(given)));
  };
  add_actor_type(name, std::move(factory));
  service_spec spec;
  spec.name = spec.type = name;
  service(std::move(spec));
}

template <class T>
void server::message(const std::string& name) {
  detail::add_message_registration(
      state(), [name](caf::actor_system_config& c) { c.add_message_type<T>(name); });
}

}  // namespace sm
