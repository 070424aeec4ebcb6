#!/bin/bash
# etcd 3.4.23 (Debian 12), by its JSON gateway (/v3/lease/keepalive): a keepalive of a lease that was revoked or ran out.
# Expected: an error, as a put with that lease gets (404, "requested lease not found"): who holds a lock or a name by it
# must learn that it is lost.
# Seen: 200 and a result with the lease's ID, the same as that of a lease that lives, but for one field: TTL, which is 0
# and is left out, as the gateway leaves out all zeros. A client that looks at the status and the ID goes on for ever.
# sm: keeps no lease of etcd yet; whoever keeps a lease of etcd alive takes an answer without a TTL for its loss.
. "$(dirname "$0")/common"
debs etcd-server=3.4.23-4+b4
port=$(free_port) peers=$(free_port)
"$here/root/usr/bin/etcd" --data-dir "$here/data" --listen-client-urls "http://127.0.0.1:$port" \
  --advertise-client-urls "http://127.0.0.1:$port" --listen-peer-urls "http://127.0.0.1:$peers" \
  --initial-advertise-peer-urls "http://127.0.0.1:$peers" --initial-cluster "default=http://127.0.0.1:$peers" \
  >"$here/log" 2>&1 &
started+=($!)

python3 - "$port" > "$here/seen" <<'PY'
import json, sys, time, urllib.error, urllib.request

def ask(path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/v3/{path}", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())

for _ in range(100):
    try:
        status, granted = ask("lease/grant", {"TTL": 60})
        break
    except OSError:
        time.sleep(0.1)

def keepalive(lease):
    status, answer = ask("lease/keepalive", {"ID": lease})
    result = answer["result"]
    return f"{status}, {'its ID' if result['ID'] == lease else 'another ID'}, TTL {result.get('TTL', 'left out')}"

lease = granted["ID"]
print("a lease that lives:", keepalive(lease))
ask("lease/revoke", {"ID": lease})
print("one that is gone:", keepalive(lease))
print("a put with it:", ask("kv/put", {"key": "YQ==", "value": "Yg==", "lease": lease})[0])
PY
expected='a lease that lives: 200, its ID, TTL 60
one that is gone: 200, its ID, TTL left out
a put with it: 404'
same "answered" "$expected" "$(cat "$here/seen")"
