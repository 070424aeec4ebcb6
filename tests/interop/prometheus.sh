#!/bin/bash
# tests/interop/prometheus.sh SMD SMCTL: a real Prometheus scrapes smd as docs/metrics.md says, with examples/prometheus:
# its strict reader takes the page, every expression of the rules and of Grafana's dashboard is one that it can answer,
# and a service that is given up is an alert. Debian's package prometheus; without it, this ends with 77: skipped.
set -euo pipefail
smd=$(realpath "${1:?usage: prometheus.sh SMD SMCTL}") smctl=$(realpath "${2:?usage: prometheus.sh SMD SMCTL}")
examples=$(realpath "$(dirname "$0")/../../examples/prometheus")
command -v prometheus >/dev/null && command -v promtool >/dev/null || { echo "skipped: there is no prometheus"; exit 77; }

here=$(mktemp -d)
running=()
finish() {
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  rm -rf "$here"
}
trap finish EXIT
cd "$here"
read -r web watcher < <(python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in held))')
within() {  # within SECONDS WHAT COMMAND...
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $until ] || { echo "not within the time: $what"; tail -n 5 ./*.log; exit 1; }
    sleep 0.2
  done
}

cat > smd.toml <<END
[http]
listen = "127.0.0.1:$web"
[service.web]
command = ["sleep", "1000"]
instances = 2
[service.broken]
command = ["false"]
backoff = { min = "10ms", max = "20ms" }
intensity = { restarts = 3, window = "1m" }
[queue]
[trace]
endpoint = "http://127.0.0.1:9"
sample = 1
END
"$smd" --config smd.toml --state "$here/state" > smd.log 2>&1 &
running+=($!)
within 10 "smd serves" test -S state/sm.sock
export SM_SERVER=$here/state/sm.sock
within 10 "web is ready" "$smctl" wait web --for ready -q
"$smctl" call nobody x > /dev/null 2>&1 || true

page() { curl -sf --unix-socket "$SM_SERVER" http://localhost/metrics; }
given_up() { page | grep -q 'sm_service_state{service="broken",state="FATAL"} 1'; }
within 10 "broken is given up" given_up

echo "== the strict reader"
# It wants a time with each sample, and takes exemplars behind it.
page | sed -E '/^#/!s/^([^#]*[^# ])( # .*)?$/\1 1700000000\2/' > page.txt
grep -q '# {trace_id="' page.txt || { echo "no exemplar is there"; exit 1; }
promtool tsdb create-blocks-from openmetrics page.txt blocks > blocks.log

echo "== rules"
cp "$examples"/sm.rules.yml "$examples"/sm.rules_test.yml .
promtool test rules sm.rules_test.yml

echo "== a Prometheus"
"$smctl" token add prometheus > sm.token
sed -e "s#/etc/prometheus/sm.token#$here/sm.token#; s#127.0.0.1:9501#127.0.0.1:$web#; s#15s#1s#" \
  "$examples"/prometheus.yml > prometheus.yml
promtool check config prometheus.yml
prometheus --config.file prometheus.yml --storage.tsdb.path data --web.listen-address "127.0.0.1:$watcher" \
  > prometheus.log 2>&1 &
running+=($!)
ask() { curl -sG "http://127.0.0.1:$watcher/api/v1/$1" "${@:2}"; }
has_result() { ask query --data-urlencode "query=$1" | grep -q '"result":\[{'; }
within 20 "it has scraped smd" has_result 'up{job="sm"} == 1'
within 20 "it knows the services" has_result 'sm_service_instances{service="web",state="ready"} == 2'
within 20 "what was given up is an alert" has_result 'ALERTS{alertname="SmServiceFatal",service="broken"}'

echo "== the dashboard's expressions"
python3 - "$examples/grafana.json" > expressions <<'END'
import json, sys
for panel in json.load(open(sys.argv[1]))["panels"]:
    for target in panel["targets"]:
        print(target["expr"].replace("$job", "sm").replace("$service", ".*"))
END
while read -r expression; do
  ask query --data-urlencode "query=$expression" > answer
  grep -q '"status":"success"' answer || { echo "$expression"; cat answer; exit 1; }
  # What it is about is known.
  for family in $(grep -oE '(sm|process)_[a-z_]+' <<< "$expression" | sort -u); do
    grep -qE "\"(${family%_bucket}|${family%_total})\"" <<< "$(ask metadata)" ||
      { echo "there is no $family: $expression"; exit 1; }
  done
done < expressions
echo "holds"
