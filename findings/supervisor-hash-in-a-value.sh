#!/bin/bash
# supervisor 4.2.5 (Debian 12): a blank and a number sign within a value of supervisord.conf.
# Expected: only " ;" begins a comment, as its documentation says; "#" is a character like others, at least in quotes.
# Seen: " #" begins a comment, too: the rest of a command is cut without a word, and a quoted environment value that
# holds one does not load ("No closing quotation").
# sm: whoever brings such a file over has to cut there as supervisord does, and to say so.
. "$(dirname "$0")/common"
debs supervisor=4.2.5-1 python3-pkg-resources=66.1.1-1+deb12u2
supervisord() {
  PYTHONPATH="$here/root/usr/lib/python3/dist-packages" timeout 20 /usr/bin/python3 "$here/root/usr/bin/supervisord" "$@"
}
cat > "$here/a.conf" <<CONF
[supervisord]
nodaemon=true
logfile=$here/a.log
pidfile=$here/a.pid
[eventlistener:end]
command=sh -c 'echo READY; read line; kill -TERM \$PPID'
events=PROCESS_STATE_EXITED
[program:cut]
command=/bin/echo issue #42 is done
startsecs=0
autorestart=false
stdout_logfile=$here/a.out
CONF
supervisord -c "$here/a.conf" >/dev/null 2>&1 || true
same "echo issue #42 is done" "issue" "$(cat "$here/a.out")"
cat > "$here/b.conf" <<CONF
[supervisord]
nodaemon=true
[program:quoted]
command=/bin/true
environment=NOTE="issue #42"
CONF
seen=$(supervisord -c "$here/b.conf" 2>&1 || true)
same 'NOTE="issue #42"' "Error: No closing quotation in section 'program:quoted'" "$(grep -o "Error: No closing quotation in section 'program:quoted'" <<< "$seen")"
