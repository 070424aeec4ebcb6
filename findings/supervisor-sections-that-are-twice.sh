#!/bin/bash
# supervisor 4.2.5 (Debian 12): two [program:web] in a supervisord.conf, say one of them copied and not renamed.
# Expected: refused, as Python's configparser does by itself.
# Seen: they are one program with the keys of both, the last of each: the command of one in the directory of the other.
# sm: `smctl import` does the same.
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
[program:web]
command=sh -c 'echo first in \$PWD'
directory=/usr
startsecs=0
autorestart=false
stdout_logfile=$here/a.out
[program:web]
command=sh -c 'echo second in \$PWD'
CONF
PYTHONPATH="$here/root/usr/lib/python3/dist-packages" timeout 20 /usr/bin/python3 "$here/root/usr/bin/supervisord" -c "$here/a.conf" >/dev/null 2>&1 || true
same "twice" "second in /usr" "$(cat "$here/a.out")"
