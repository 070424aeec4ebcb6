#!/bin/bash
# promtool of Prometheus 2.42.0 (Debian 12): `check metrics` with OpenMetrics, the format that Prometheus asks for first.
# Expected: it is taken as Prometheus takes it: exit status 0 for what OpenMetrics' specification has as an example.
# Seen: it reads the older text format whatever it is given. There a counter's name ends with _total in HELP and TYPE,
# too, so that it misses the help text of each counter, and exits with 3; "# EOF" is a comment to it.
# sm: /metrics is OpenMetrics; what this tool says of it is no mistake there. A test holds the form (queue_metrics).
. "$(dirname "$0")/common"
debs prometheus=2.42.0+ds-5+deb12u1
promtool() { "$here/root/usr/bin/promtool" check metrics 2>&1; }
outcome=0
seen=$(printf '%s\n' '# TYPE jobs counter' '# HELP jobs Jobs that ended.' 'jobs_total 3' '# EOF' | promtool) || outcome=$?
same "OpenMetrics" "jobs_total no help text, 3" "$seen, $outcome"
outcome=0
seen=$(printf '%s\n' '# TYPE jobs_total counter' '# HELP jobs_total Jobs that ended.' 'jobs_total 3' | promtool) || outcome=$?
same "the text format" ", 0" "$seen, $outcome"
