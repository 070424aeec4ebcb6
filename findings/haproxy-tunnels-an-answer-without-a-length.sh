#!/bin/bash
# HAProxy 2.6.12 (Debian 12): server-sent events, silent for 2 s, with `timeout server 1s` or `timeout tunnel 1s`.
# Expected: the first cuts the stream; the second is for upgraded connections (WebSocket, CONNECT), and does nothing.
# Seen: it depends on how the answer ends. In chunks it is as expected. Without a length, up to the end of the
# connection, it is a tunnel: with `timeout tunnel 1s` it is cut whatever the others say, with a longer one
# `timeout server` does nothing.
# sm: its streams end with their connection; docs/http.md names both timeouts.
. "$(dirname "$0")/common"
debs haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4
cat > "$here/events.py" <<'PY'
import socket, sys, threading, time

CHUNKED = b"Transfer-Encoding: chunked\r\n"
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()

def serve(c):
    chunked = b"/chunked" in c.recv(4096)
    event = b"a\r\ndata: an\n\n\r\n" if chunked else b"data: an\n\n"
    try:
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                  + (CHUNKED if chunked else b"Connection: close\r\n") + b"\r\n" + event)
        time.sleep(2)
        c.sendall(event + (b"0\r\n\r\n" if chunked else b""))
    except OSError:
        pass
    c.close()

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PY
origin=$(free_port)
/usr/bin/python3 "$here/events.py" "$origin" & started+=($!)
# events PATH TIMEOUT...: how many of the two arrive.
events() {
  local path=$1 front=$(free_port)
  shift
  { printf '%s\n' defaults "mode http" "timeout connect 5s" "timeout client 5s" "$@"
    printf '%s\n' "frontend front" "bind 127.0.0.1:$front" "default_backend back" "backend back" "server s 127.0.0.1:$origin"
  } > "$here/haproxy.cfg"
  "$here/root/usr/sbin/haproxy" -f "$here/haproxy.cfg" >/dev/null 2>&1 &
  local proxy=$!
  /usr/bin/python3 - "$front" "$path" <<'PY'
import socket, sys, time
for attempt in range(200):
    try:
        c = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
        break
    except OSError:
        time.sleep(0.02)
c.sendall(b"GET " + sys.argv[2].encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
seen = b""
while b"\r\n0\r\n" not in seen:
    more = c.recv(4096)
    if not more:
        break
    seen += more
print(seen.count(b"data: an"))
PY
  kill "$proxy"
}
same "chunked, server 1s" 1 "$(events /chunked "timeout server 1s")"
same "chunked, server 5s, tunnel 1s" 2 "$(events /chunked "timeout server 5s" "timeout tunnel 1s")"
same "no length, server 1s" 1 "$(events /plain "timeout server 1s")"
same "no length, server 5s, tunnel 1s" 1 "$(events /plain "timeout server 5s" "timeout tunnel 1s")"
same "no length, server 1s, tunnel 5s" 2 "$(events /plain "timeout server 1s" "timeout tunnel 5s")"
