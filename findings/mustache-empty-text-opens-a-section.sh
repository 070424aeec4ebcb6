#!/bin/bash
# kainjow's Mustache 4.1 (Debian 12) beside mustache.js 4.2.0: {{#name}}...{{/name}} where the name is an empty text, and
# a partial of two lines that is indented.
# Expected: an empty text is none, so that the section stays closed, and both lines are indented (mustache(5), Partials).
# Seen: the section is shown, and the inverted one is not; the first line alone is indented. mustache.js does as expected.
# sm: a model says by a flag of its own whether there is a text; what opens a section by a text is a red test
# (libsm/src/dashboard/templates.cpp).
. "$(dirname "$0")/common"
debs libkainjow-mustache-dev=4.1+ds-2
node_modules mustache@4.2.0
cat > "$here/show.cpp" <<'CPP'
#include <iostream>
#include <kainjow/mustache.hpp>

int main() {
  using namespace kainjow::mustache;
  data model;
  model.set("reason", "");
  model.set("lines", partial([] { return std::string("one\ntwo\n"); }));
  std::cout << mustache("{{#reason}}shown{{/reason}}{{^reason}}none{{/reason}}").render(model) << '\n'
            << mustache("  {{> lines}}\n").render(model);
}
CPP
g++ -std=c++17 -I"$here/root/usr/include" "$here/show.cpp" -o "$here/show"
cat > "$here/show.cjs" <<'JS'
const { render } = require("mustache");
console.log(render("{{#reason}}shown{{/reason}}{{^reason}}none{{/reason}}", { reason: "" }));
process.stdout.write(render("  {{> lines}}\n", {}, { lines: "one\ntwo\n" }));
JS
show() { tr '\n' '|' | tr ' ' '.'; }
same "kainjow" "shown|..one|two||" "$("$here/show" | show)"
same "mustache.js" "none|..one|..two|" "$(node "$here/show.cjs" | show)"
