#include "verbs_of_one_call.hpp"

#include "views.hpp"

namespace sm::ctl {

verb_handler one_call(std::string_view operation, std::vector<std::string_view> captures,
                      std::string_view done, const char* question) {
  return [=](session& s) -> result<int> {
    named_values values;
    for (std::size_t i = 0; i < captures.size(); ++i)
      values.emplace_back(captures[i], s.given.operands.at(i));
    auto& what = s.given.operands.front();
    if (question)
      if (auto ok = s.confirm(std::string(question) + " " + what + "?"); !ok)
        return tl::unexpected<error>(ok.error());
    if (s.dry_run()) {
      put("would be " + std::string(done) + ": " + harmless(what) + "\n");
      return exits::ok;
    }
    auto answer = s.ask(request_for(operation, values));
    if (!answer) return tl::unexpected<error>(answer.error());
    if (s.as_json())
      s.show(*answer);
    else
      s.tell(what + ": " + std::string(done));
    return exits::ok;
  };
}

verb_handler listing(std::string_view operation, const char* of, table (*view)(const json&)) {
  return [=](session& s) -> result<int> {
    auto answer = s.ask(request_for(operation));
    if (!answer) return tl::unexpected<error>(answer.error());
    if (s.as_json() && !s.quiet())
      s.show(*answer, of);
    else
      s.show(view(*answer));
    return exits::ok;
  };
}

verb_handler shown(std::string_view operation, std::string_view capture) {
  return [=](session& s) -> result<int> {
    auto answer = s.ask(request_for(operation, {{capture, s.given.operands.front()}}));
    if (!answer) return tl::unexpected<error>(answer.error());
    if (s.as_json())
      s.show(*answer);
    else
      put(fields_text(*answer));
    return exits::ok;
  };
}

}  // namespace sm::ctl
