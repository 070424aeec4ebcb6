#!/bin/bash
# supervisor 4.2.5 (Debian 12): a value in environment= that ends with a quote within its quotes.
# Expected: the quotes around the value go, what is within them stays.
# Seen: all quotes of either kind go from both ends, so --name='x' loses its last one.
# sm: `smctl import` takes the value as the program gets it.
. "$(dirname "$0")/common"
debs supervisor=4.2.5-1 python3-pkg-resources=66.1.1-1+deb12u2
cat > "$here/a.conf" <<CONF
[supervisord]
nodaemon=true
logfile=$here/a.log
pidfile=$here/a.pid
[eventlistener:end]
command=sh -c 'echo READY; read line; kill -TERM \$PPID'
events=PROCESS_STATE_EXITED
[program:shown]
command=sh -c 'echo "\$OPTIONS \$WORD"'
environment=OPTIONS="--name='x'",WORD="'quoted'"
startsecs=0
autorestart=false
stdout_logfile=$here/a.out
CONF
PYTHONPATH="$here/root/usr/lib/python3/dist-packages" timeout 20 /usr/bin/python3 "$here/root/usr/bin/supervisord" -c "$here/a.conf" >/dev/null 2>&1 || true
same "\"--name='x'\" \"'quoted'\"" "--name='x quoted" "$(cat "$here/a.out")"
