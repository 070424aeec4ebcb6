#!/bin/bash
# Prometheus 2.42.0 (Debian 12): a comparison that filters, with ignoring(), and the labels of what it lets through.
# Expected: "a < ignoring(state) b" gives the series of a that are less than their partner, as they are: a filter keeps
# name and labels, as "a < 1" does.
# Seen: the label that was ignored is taken off, while the name stays: what comes out is a series that does not exist.
# An alert on it has no such label, and a template or a route by it finds nothing; two series of a that differ in it
# alone could not be matched at all.
# sm: examples/prometheus/sm.rules.yml compares ready with desired instances so; its alert says what is ready by its
# value and names no state, and its test (sm.rules_test.yml) has the labels as they come.
. "$(dirname "$0")/common"
debs prometheus=2.42.0+ds-5+deb12u1
cat > "$here/labels.yml" <<'END'
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up_now{service="web",state="ready"}', values: "1"}
      - {series: 'up_now{service="web",state="wanted"}', values: "2"}
    promql_expr_test:
      - expr: 'up_now{state="ready"} < 2'
        exp_samples: [{labels: 'up_now{service="web",state="ready"}', value: 1}]
      - expr: 'up_now{state="ready"} < ignoring(state) up_now{state="wanted"}'
        exp_samples: [{labels: 'EXPECTED', value: 1}]
END
outcome_with() {
  sed "s/EXPECTED/$1/" "$here/labels.yml" > "$here/test.yml"
  "$here/root/usr/bin/promtool" test rules "$here/test.yml" > "$here/said" 2>&1 && echo passes || echo fails
}
same "with all its labels" fails "$(outcome_with 'up_now{service="web",state="ready"}')"
same "without the one that was ignored" passes "$(outcome_with 'up_now{service="web"}')"
