// What a plan of the configuration would do, in lines.
#include <fmt/format.h>

#include "views.hpp"

namespace sm::ctl {
namespace {

bool changes(const json& change) { return text_in(change, "action") != "keep"; }

std::string shown(const json& value) {
  return harmless(value.is_null() ? std::string("nothing") : print_json(value));
}

std::string processes_of(const json& change) {
  auto& processes = at(change, "processes");
  std::string text;
  for (auto* what : {"replaced", "started", "stopped"})
    for (auto& name : at(processes, what))
      text += (text.empty() ? "" : ", ") + (name.is_string() ? name.get<std::string>() : "") +
              " is " + what;
  return harmless(text);
}

void add_differences(std::string& out, const json& fields, const char* behind) {
  for (auto& f : fields)
    out += "    " + harmless(text_in(f, "field")) + ": " + shown(at(f, "before")) + " -> " +
           shown(at(f, "after")) + behind + "\n";
}

void add_change(std::string& out, const json& change, bool colour) {
  auto action = text_in(change, "action");
  bool by_hand = !at(change, "by_hand").empty();
  if (action == "keep" && !by_hand) return;
  auto mark = action == "add" ? "+" : action == "remove" ? "-" : action == "change" ? "~" : "=";
  auto in = action == "add"      ? tone::good
            : action == "remove" ? tone::bad
            : action == "change" ? tone::warning
                                 : tone::dim;
  auto processes = processes_of(change);
  auto line = fmt::format("{} {} {}", mark, harmless(text_in(change, "kind")),
                          harmless(text_in(change, "name")));
  if (!processes.empty()) line += ": " + processes;
  if (text_in(change, "applies") == "reexec") line += ": by 'smctl daemon reexec'";
  out += toned(line, in, colour) + "\n";
  if (action == "change" || text_in(change, "kind") != "service")
    add_differences(out, at(change, "fields"), "");
  add_differences(out, at(change, "by_hand"), " (by hand, stays)");
}

}  // namespace

std::size_t changes_in(const json& plan) {
  std::size_t n = 0;
  for (auto& change : at(plan, "changes"))
    if (changes(change)) ++n;
  return n;
}

std::string plan_text(const json& plan, bool colour) {
  std::string out;
  for (auto& e : at(plan, "errors")) {
    auto file = text_in(e, "file");
    auto place = file.empty() ? std::string()
                              : fmt::format("{}:{:.0f}:{:.0f}: ", file, number_in(e, "line"),
                                            number_in(e, "column"));
    auto key = text_in(e, "key");
    out += toned(harmless(place + (key.empty() ? "" : key + ": ") + text_in(e, "detail")),
                 tone::bad, colour) +
           "\n";
  }
  for (auto& change : at(plan, "changes")) add_change(out, change, colour);
  return out;
}

}  // namespace sm::ctl
