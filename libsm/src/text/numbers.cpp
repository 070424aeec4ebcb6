#include "text/numbers.hpp"

#include "text/texts.hpp"

namespace sm::detail {

error no_integer(const std::string& least, const std::string& most, std::string_view given) {
  return {errc::bad_arguments,
          "must be a whole number from " + least + " to " + most + ", not " + in_quotes(given),
          {}};
}

}  // namespace sm::detail
