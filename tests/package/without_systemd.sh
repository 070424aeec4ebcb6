#!/bin/bash
# Within a bare Debian 12: smd runs a file of ten services, and smctl operates it.
. "${0%/*}/inside.sh"

ten_services > /etc/sm/conf.d/ten.toml
smd --config /etc/sm/smd.toml --check
smd --config /etc/sm/smd.toml 2> /tmp/smd.log &
manager=$!
within 30 "all ten are ready" all_ready
smctl status

before=$(all_pids)
same "ten services have pids" 10 "$(wc -l <<< "$before")"
smctl restart s3
same "restart replaces one service" s3 "$(changed "$before" "$(all_pids)")"
within 10 "logs shows what it printed" sh -c 'smctl logs s1 | grep -q "s1 at work"'
same "call asks a service" 0 "$(status_of smctl call s1 status)"
same "queue ls" 0 "$(status_of smctl queue ls)"
same "plan: nothing would change" 0 "$(status_of smctl plan)"
sed -i 's/s2 at work/s2 works/' /etc/sm/conf.d/ten.toml
same "plan: something would change" 2 "$(status_of smctl plan)"
before=$(all_pids)
smctl --yes apply
within 10 "all are ready again" all_ready
same "apply replaces what changed" s2 "$(changed "$before" "$(all_pids)")"

before=$(all_pids)
smctl daemon reexec
within 30 "the manager executed anew serves" all_ready
same "reexec keeps all pids" "" "$(changed "$before" "$(all_pids)")"
kill -KILL "$manager"
wait "$manager" || true
smd --config /etc/sm/smd.toml 2>> /tmp/smd.log &
manager=$!
within 30 "the next manager serves" all_ready
same "it adopts all that a killed one left" "" "$(changed "$before" "$(all_pids)")"
smctl --yes daemon stop
wait "$manager"
same "nothing is left" "" "$(grep -ls 'at work' /proc/[0-9]*/cmdline || true)"
