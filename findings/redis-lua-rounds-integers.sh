#!/bin/bash
# Redis 7.0.15 (Debian 12): a job's document that a script decodes and encodes again (cjson).
# Expected: integers below 2^53 are exact, as in every JSON reader that has doubles; an empty list stays one.
# Seen: 14 digits are kept: 1795890058123456, a time in microseconds, becomes 1.7958900581235e+15, and [] becomes {}.
# sm: its scripts never write a document they have decoded; payloads and records are passed as bytes.
. "$(dirname "$0")/common"
debs redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 libjemalloc2=5.3.0-1 \
  liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 lua-bitop=1.0.2-7
port=$(free_port)
"$here/root/usr/bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' --dir "$here" >/dev/null & started+=($!)
redis() { "$here/root/usr/bin/redis-cli" -p "$port" "$@"; }
for _ in $(seq 100); do [ "$(redis ping 2>/dev/null)" = PONG ] && break; done
seen=$(redis eval 'return cjson.encode(cjson.decode(ARGV[1]))' 0 '{"args":[1795890058123456,12345678901234,[]]}')
same "decoded and encoded" '{"args":[1.7958900581235e+15,12345678901234,{}]}' "$seen"
