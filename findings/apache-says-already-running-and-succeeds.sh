#!/bin/bash
# apache2 2.4 (Debian 12), -DFOREGROUND, while the process of its PidFile lives.
# Expected: an exit status other than 0: it was asked to serve and does not.
# Seen: "httpd (pid N) already running" and exit status 0, so that a supervisor with restart on failure leaves it.
# sm: a next run is started only once nothing of the one before is left, so it does not come to this.
. "$(dirname "$0")/common"
debs apache2-bin=2.4.71-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1+deb12u1
modules="$here/root/usr/lib/apache2/modules"
cat > "$here/httpd.conf" <<CONF
ServerRoot $here
ServerName localhost
Listen 127.0.0.1:$(free_port)
PidFile $here/httpd.pid
ErrorLog $here/error.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
User nobody
Group nogroup
CONF
apache() { "$here/root/usr/sbin/apache2" -f "$here/httpd.conf" -DFOREGROUND; }
apache & started+=($!)
for _ in $(seq 100); do [ -s "$here/httpd.pid" ] && break; read -rt 0.1 _ < <(:) || true; done
outcome=0
seen=$(timeout 10 "$here/root/usr/sbin/apache2" -f "$here/httpd.conf" -DFOREGROUND 2>&1) || outcome=$?
kill "$(cat "$here/httpd.pid")"
same "the second one" "httpd (pid N) already running, exit 0" "$(sed 's/pid [0-9]*/pid N/' <<< "$seen"), exit $outcome"
