// The base class of services. A service runs as one actor in a process of its own: its constructor
// starts it, its destructor stops it, and all its handlers run one after the other in one thread.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <sm/guarded.hpp>
#include <sm/json.hpp>
#include <sm/log.hpp>
#include <sm/promise.hpp>
#include <sm/queue.hpp>
#include <string>
#include <string_view>
#include <type_traits>

namespace caf::io {
class broker;
}

namespace sm {

using reply_sink = std::function<void(result<std::string>)>;  ///< takes JSON text
using command_function = std::function<void(std::string_view arguments, const reply_sink&)>;

namespace detail {

/// What the process around a service does for it.
class service_host {
 public:
  virtual ~service_host() = default;
  virtual void add_command(const std::string& name, command_function f, bool blocking) = 0;
  virtual void add_timer(std::chrono::milliseconds delay, bool repeats,
                         std::function<void()> f) = 0;
  virtual promise<json_text> send(const std::string& service, const std::string& command,
                                  const json& arguments, std::chrono::milliseconds timeout) = 0;
  virtual promise<json_text> broadcast(const std::string& select, const std::string& command,
                                       const json& arguments,
                                       std::chrono::milliseconds timeout) = 0;
  virtual const sm::queue& queue() const = 0;
  virtual caf::io::broker& actor() = 0;
};

/// The argument type of a handler that takes one.
template <class F>
struct argument_of : argument_of<decltype(&F::operator())> {};
template <class C, class R, class A>
struct argument_of<R (C::*)(A) const> {
  using type = std::decay_t<A>;
};
template <class C, class R, class A>
struct argument_of<R (C::*)(A)> {
  using type = std::decay_t<A>;
};
template <class R, class A>
struct argument_of<R (*)(A)> {
  using type = std::decay_t<A>;
};

inline std::string reply_text(json_text value) { return std::move(value.text); }
template <class T>
std::string reply_text(const T& value) {
  return print_json(json(value));
}

template <class F>
decltype(auto) call_command(F& f, std::string_view arguments) {
  if constexpr (std::is_invocable_v<F&>) {
    return f();
  } else {
    auto document = parse_json(arguments);
    if (!document) throw failure(errc::bad_arguments, document.error().detail);
    auto value = from_json_value<typename argument_of<F>::type>(*document);
    if (!value) throw failure(value.error());
    return f(std::move(*value));
  }
}

/// What it throws, and what writing its result throws, is `handler_failed` and logged with `where`.
template <class F>
command_function make_command(std::string where, F f) {
  return [where = std::move(where), f = std::move(f)](std::string_view arguments,
                                                      const reply_sink& sink) mutable {
    using out = decltype(call_command(f, arguments));
    if constexpr (is_promise<out>::value) {
      auto later = guarded(
          where, [&] { return call_command(f, arguments); }, errc::handler_failed);
      if (!later) return sink(tl::unexpected<error>(std::move(later.error())));
      later->then([sink, where](auto outcome) {
        sink(guarded(
            where,
            [&]() -> result<std::string> {
              if (!outcome) throw failure(std::move(outcome.error()));
              return reply_text(std::move(*outcome));
            },
            errc::handler_failed));
      });
    } else {
      sink(guarded(
          where,
          [&]() -> result<std::string> {
            if constexpr (std::is_void_v<out>) {
              call_command(f, arguments);
              return "null";
            } else {
              return reply_text(call_command(f, arguments));
            }
          },
          errc::handler_failed));
    }
  };
}

}  // namespace detail

/// Handed to a service's constructor, which passes it on to `service`.
struct service_context {
  std::string service;   ///< "web"
  std::string instance;  ///< "web:0", or "web" when there is one instance only
  json params;
  logger log;
  detail::service_host* host = nullptr;
};

class service {
 public:
  explicit service(service_context context) : context_(std::move(context)) {}
  virtual ~service() = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  const std::string& name() const noexcept { return context_.service; }
  const std::string& instance() const noexcept { return context_.instance; }
  const json& params() const noexcept { return context_.params; }
  const logger& log() const noexcept { return context_.log; }
  /// The CAF actor this service runs in; include <sm/caf.hpp> to use it.
  caf::io::broker& self() const { return context_.host->actor(); }

 protected:
  /// Answers `name` with what `handler` returns. It takes nothing, a `json`, or any type the JSON
  /// library reads; arguments that do not fit are refused before it is called. It returns anything
  /// the library writes, nothing, or a `promise` to answer later. What it throws is the caller's
  /// error, and the service lives on. A handler that blocks blocks the whole service: use
  /// `command_blocking`.
  template <class F>
  void command(const std::string& name, F handler) {
    context_.host->add_command(name, detail::make_command("command " + name, std::move(handler)),
                               false);
  }

  /// Like `command`, but runs in a thread of a small pool, beside the other handlers: what it
  /// shares with them needs a lock.
  template <class F>
  void command_blocking(const std::string& name, F handler) {
    context_.host->add_command(name, detail::make_command("command " + name, std::move(handler)),
                               true);
  }

  /// Calls `f` every `period`; the first time after one period. What it throws is logged.
  void every(std::chrono::milliseconds period, std::function<void()> f) {
    context_.host->add_timer(period, true, std::move(f));
  }
  /// Calls `f` once.
  void after(std::chrono::milliseconds delay, std::function<void()> f) {
    context_.host->add_timer(delay, false, std::move(f));
  }

  /// Puts a job of a registered type into the queue; fulfilled when it is stored.
  template <class Job>
  promise<job_id> enqueue(const Job& job, enqueue_options options = {}) {
    return context_.host->queue().enqueue(job, std::move(options));
  }

  /// Asks another service, through the manager. A timeout of 0 is the configured one.
  promise<json_text> send(const std::string& to, const std::string& command_name,
                          const json& arguments = nullptr, std::chrono::milliseconds timeout = {}) {
    return context_.host->send(to, command_name, arguments, timeout);
  }
  /// Asks every selected service and gathers the answers into one document.
  promise<json_text> broadcast(const std::string& select, const std::string& command_name,
                               const json& arguments = nullptr,
                               std::chrono::milliseconds timeout = {}) {
    return context_.host->broadcast(select, command_name, arguments, timeout);
  }

 private:
  service_context context_;
};

}  // namespace sm
