// Specifications of services, as HTTP takes them.
#include <sm/service_spec.hpp>

#include "service/selector.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(service_spec) {
  using sm::fuzz::must;
  (void)sm::valid_name(std::string(input));
  auto document = sm::parse_json(input);
  if (!document) return;
  auto spec = sm::spec_from_json(*document);
  if (!spec) return;
  (void)sm::validate(*spec);
  (void)sm::selects("*,group:a,tag:b,w?b*", *spec);
  auto again = sm::spec_from_json(sm::to_json(*spec));
  must(again.has_value(), "a specification is read as it is written");
  must(sm::print_json(sm::to_json(*again)) == sm::print_json(sm::to_json(*spec)),
       "and is the same");
  must(!sm::needs_restart(*spec, *again), "which needs no restart");
}
