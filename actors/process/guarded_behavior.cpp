#include "process/guarded_behavior.hpp"

#include <caf/detail/behavior_impl.hpp>
#include <caf/make_counted.hpp>
#include <sm/guarded.hpp>

namespace sm {
namespace {

constexpr auto category = caf::atom("sm");

/// CAF tells handlers apart by what they take; this one takes what `inner` takes.
class guarded_behavior : public caf::detail::behavior_impl {
 public:
  using visitor = caf::detail::invoke_result_visitor;

  guarded_behavior(std::string where, caf::behavior inner)
      : behavior_impl(inner.timeout()), where_(std::move(where)), inner_(std::move(inner)) {}

  using behavior_impl::invoke;
  caf::match_case::result invoke(visitor& answer, caf::type_erased_tuple& message) override {
    return guard(answer, [&] { return inner_.as_behavior_impl()->invoke(answer, message); });
  }
  caf::match_case::result invoke_empty(visitor& answer) override {
    return guard(answer, [&] { return inner_.as_behavior_impl()->invoke_empty(answer); });
  }
  void handle_timeout() override {
    (void)guarded(where_, [&] { inner_.handle_timeout(); });
  }

 private:
  template <class F>
  caf::match_case::result guard(visitor& answer, F handler) {
    error thrown;
    try {
      return handler();
    } catch (const json::exception& e) {
      thrown = conversion_error(e);
    } catch (...) {
      thrown = logged_error(where_, errc::handler_failed);
    }
    auto e = to_caf(thrown);
    answer(e);
    return caf::match_case::match;
  }

  const std::string where_;
  caf::behavior inner_;
};

}  // namespace

caf::error to_caf(const error& e) {
  // CAF takes a code of 0 for none.
  return {static_cast<std::uint8_t>(static_cast<unsigned>(e.code) + 1), category,
          caf::make_message(e.detail, e.where)};
}

std::optional<error> error_of(const caf::error& e) {
  if (e.category() != category || e.code() == 0) return {};
  auto& words = e.context();
  if (!words.match_elements<std::string, std::string>()) return {};
  return error{static_cast<errc>(e.code() - 1), words.get_as<std::string>(0),
               words.get_as<std::string>(1)};
}

caf::behavior detail::guard_handlers(std::string where, caf::behavior handlers) {
  if (!handlers) return handlers;
  return caf::behavior(caf::behavior::impl_ptr(
      caf::make_counted<guarded_behavior>(std::move(where), std::move(handlers))));
}

}  // namespace sm
