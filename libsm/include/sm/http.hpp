// What a route handler sees: the request, and the response it may return.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <sm/api_role.hpp>
#include <sm/guarded.hpp>
#include <sm/json.hpp>
#include <sm/principal.hpp>
#include <sm/promise.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sm {

class manager;

/// One HTTP request. Lives until its response is sent, so a handler that answers later may keep the
/// reference until it fulfils its promise.
class request {
 public:
  virtual ~request() = default;

  virtual std::string_view method() const = 0;
  virtual std::string_view path() const = 0;  ///< without the query, as it was sent
  virtual std::string_view body() const = 0;
  /// The value of the header `name` (any case), or "".
  virtual std::string_view header(std::string_view name) const = 0;
  /// What the route's `:name` or `*rest` captured, percent-decoded; "" if there is no such capture.
  virtual std::string_view capture(std::string_view name) const = 0;
  /// The first value of `name` in the query, percent-decoded.
  virtual std::optional<std::string> query(std::string_view name) const = 0;
  /// The names in the query, percent-decoded.
  virtual std::vector<std::string> query_names() const = 0;
  /// The services, and the queue.
  virtual sm::manager& manager() const = 0;
  /// Names this request in the manager's log and in answers that say it failed: what X-Request-Id
  /// brought, or one of our own.
  virtual std::string id() const = 0;
  /// Who asks; what he may do is his role. Over a Unix socket come others than the manager's own
  /// user and root, too, where http.socket_roles lets them.
  virtual const principal& caller() const = 0;
  bool over_tcp() const { return caller().from == principal::origin::tcp; }

  /// The body as a `T`; throws `failure` with `bad_request` or `bad_arguments` and the field at
  /// fault.
  template <class T = json>
  T json_body() const {
    auto document = parse_json(body());
    if (!document) throw failure(document.error());
    auto value = from_json_value<T>(*document);
    if (!value) throw failure(value.error());
    return std::move(*value);
  }
};

/// A body that goes on: it is sent as it comes, until it ends or the peer leaves. Used in the
/// gateway's loop alone.
class response_stream {
 public:
  virtual ~response_stream() = default;
  /// Appends what there is to send now, about `max` bytes at most; false when it has ended. Called
  /// when the peer has taken what came before, and after `wake`.
  virtual bool pull(std::string& out, std::size_t max) = 0;
  /// Sent when nothing else was for a while, so that both ends see that the other is there: such as
  /// a comment of server-sent events. "": nothing.
  virtual std::string_view heartbeat() const { return {}; }
  /// There is more: set by the gateway, called from any thread.
  std::function<void()> wake = [] {};
};

struct response {
  unsigned status = 200;
  std::string body{};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::shared_ptr<response_stream> stream{};  ///< sent behind `body`
  std::optional<error> cause{};               ///< why it failed: for the log, not for the client
};

/// What a route asks of who calls it, beside its handler.
struct route_options {
  /// Over TCP: a token with this role or a higher one, as for /v1, or a browser that has signed in;
  /// without one 401, with a lower one 403. Nothing: anybody may.
  std::optional<api_role> role{};
};

/// Called once with the response, in any thread. The request lives as long as its sink does, or a
/// copy of it.
using response_sink = std::function<void(response)>;
using route_handler = std::function<void(request&, response_sink)>;

/// The problem document (RFC 9457) for an error, with the status of its code. What a handler threw
/// (`internal`, `handler_failed`) becomes the response's `cause` and is not in the document.
response to_response(const error& e);

inline response to_response(response r) { return r; }
inline response to_response(json_text text) { return {.body = std::move(text.text)}; }
/// Text is sent as it is; every other value as JSON.
template <class T>
response to_response(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return {.body = std::string(std::string_view(value)),
            .content_type = "text/plain; charset=utf-8"};
  else
    return {.body = print_json(json(value))};
}

/// What the types of a route's handler tell of its body and its answer, for the OpenAPI document.
struct route_types {
  enum class kind {
    unknown,   ///< a `response`, or JSON as it comes
    nothing,   ///< 204
    text,      ///< text/plain
    document,  ///< JSON like `answer_like`
  };
  json body_like{};                       ///< a body with every field, null where nothing is told
  std::vector<std::string> body_needs{};  ///< fields without which the body does not fit
  kind answer = kind::unknown;
  json answer_like{};
};

namespace detail {

/// How a request is named in the log.
inline std::string name_of(const request& rq) {
  return "request " + rq.id() + ": " + std::string(rq.method()) + " " + std::string(rq.path());
}

/// What `make()` returns, or the problem document of what it throws.
template <class F>
response guarded_response(const request& rq, F make) {
  auto made = guarded([&] { return name_of(rq); }, std::move(make));
  return made ? std::move(*made) : to_response(made.error());
}

template <class T>
void respond(const promise<T>& value, const request& rq, response_sink sink) {
  value.then([sink = std::move(sink), &rq](result<T> outcome) {
    sink(guarded_response(rq, [&] {
      if (outcome) return to_response(std::move(*outcome));
      if (outcome.error().code == errc::internal) log_error(name_of(rq), outcome.error());
      return to_response(outcome.error());
    }));
  });
}

/// The body type of a handler taking (request&, T).
template <class F>
struct second_argument : second_argument<decltype(&F::operator())> {};
template <class C, class R, class A, class B>
struct second_argument<R (C::*)(A, B) const> {
  using type = std::decay_t<B>;
};
template <class C, class R, class A, class B>
struct second_argument<R (C::*)(A, B)> {
  using type = std::decay_t<B>;
};
template <class R, class A, class B>
struct second_argument<R (*)(A, B)> {
  using type = std::decay_t<B>;
};

template <class F>
decltype(auto) call_route(F& f, request& rq) {
  if constexpr (std::is_invocable_v<F&>)
    return f();
  else if constexpr (std::is_invocable_v<F&, request&>)
    return f(rq);
  else
    return f(rq, rq.json_body<typename second_argument<F>::type>());
}

}  // namespace detail

namespace detail {

template <class T>
struct awaited {
  using type = T;
};
template <class T>
struct awaited<promise<T>> {
  using type = T;
};

/// A value of the type as JSON, or null where it has none by default.
template <class T>
json sample_of() {
  if constexpr (!std::is_same_v<T, json> && std::is_default_constructible_v<T> &&
                requires(const T& value) { json(value); }) {
    try {
      return json(T{});
    } catch (const std::exception&) {
      return nullptr;
    }
  } else {
    return nullptr;
  }
}

/// The fields of `sample` without which it is no `T`.
template <class T>
std::vector<std::string> fields_needed(const json& sample) {
  std::vector<std::string> needed;
  if (!sample.is_object()) return needed;
  for (auto& field : sample.items()) {
    auto without = sample;
    without.erase(field.key());
    if (!from_json_value<T>(without)) needed.push_back(field.key());
  }
  return needed;
}

template <class F>
route_types types_of_route() {
  route_types types;
  if constexpr (!std::is_invocable_v<F&> && !std::is_invocable_v<F&, request&>) {
    using body = typename second_argument<F>::type;
    types.body_like = sample_of<body>();
    types.body_needs = fields_needed<body>(types.body_like);
  }
  using out = decltype(call_route(std::declval<F&>(), std::declval<request&>()));
  using value = typename awaited<std::decay_t<out>>::type;
  using kind = route_types::kind;
  if constexpr (std::is_void_v<value>) {
    types.answer = kind::nothing;
  } else if constexpr (std::is_convertible_v<const value&, std::string_view>) {
    types.answer = kind::text;
  } else if constexpr (!std::is_same_v<value, response> && !std::is_same_v<value, json_text>) {
    types.answer_like = sample_of<value>();
    if (!types.answer_like.is_null()) types.answer = kind::document;
  }
  return types;
}

}  // namespace detail

/// Wraps a handler that takes nothing, a `request&`, or a `request&` and the body as any type the
/// JSON library reads, and returns a value, a `response`, a promise of either, or nothing (204).
template <class F>
route_handler make_route_handler(F f) {
  return [f = std::move(f)](request& rq, response_sink sink) mutable {
    using out = decltype(detail::call_route(f, rq));
    if constexpr (is_promise<out>::value) {
      if (auto later = guarded([&] { return detail::name_of(rq); },
                               [&] { return detail::call_route(f, rq); }))
        detail::respond(*later, rq, std::move(sink));
      else
        sink(to_response(later.error()));
    } else {
      sink(detail::guarded_response(rq, [&]() -> response {
        if constexpr (std::is_void_v<out>) {
          detail::call_route(f, rq);
          return {.status = 204, .content_type = {}};
        } else {
          return to_response(detail::call_route(f, rq));
        }
      }));
    }
  };
}

}  // namespace sm
