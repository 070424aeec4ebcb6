#!/bin/bash
# HAProxy 2.6.12 (Debian 12), -Ws: what it tells its supervisor when it starts, and at a reload (SIGUSR2).
# Expected: READY=1 at the start; RELOADING=1, then READY=1 around a reload.
# Seen: the start already begins with RELOADING=1, because the master executes itself again; a reload says RELOADING=1
# twice before its READY=1.
# sm: RELOADING is taken in any state and ends with the next READY.
. "$(dirname "$0")/common"
debs haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4
cat > "$here/haproxy.cfg" <<CONF
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend front
  bind 127.0.0.1:$(free_port)
  http-request return status 200
CONF
seen=$(/usr/bin/python3 "$(dirname "$0")/notified" 3 USR2 -- "$here/root/usr/sbin/haproxy" -Ws -f "$here/haproxy.cfg")
same "start and one reload" "RELOADING=1,READY=1 MAINPID=N,RELOADING=1,RELOADING=1,READY=1 MAINPID=N" "$(paste -sd, <<< "$seen")"
