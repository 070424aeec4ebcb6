// The cases of a std::visit as lambdas.
#pragma once

namespace sm {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

}  // namespace sm
