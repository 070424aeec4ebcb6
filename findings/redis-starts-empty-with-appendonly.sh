#!/bin/bash
# Redis 7.0.15 (Debian 12): a server that has its data in dump.rdb is started again with `appendonly yes` in its file,
# to be safe from now on.
# Expected: it loads the dump, and writes the append-only file from it.
# Seen: it starts empty, without a word, and its end saves that in the place of the dump. CONFIG SET appendonly yes on
# the running server does what was meant.
# sm: a consumer's warning of a Redis without AOF, and docs/queue.md, name CONFIG SET.
. "$(dirname "$0")/common"
debs redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 libjemalloc2=5.3.0-1 \
  liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 lua-bitop=1.0.2-7
port=$(free_port)
redis() { "$here/root/usr/bin/redis-cli" -p "$port" "$@"; }
start() {
  "$here/root/usr/bin/redis-server" --port "$port" --bind 127.0.0.1 --dir "$here" --save '3600 1' "$@" >/dev/null & started+=($!)
  for _ in $(seq 500); do [ "$(redis ping 2>/dev/null)" = PONG ] && return; done
}
stop() { redis shutdown >/dev/null 2>&1 || true; wait "${started[-1]}" || true; }
start
redis rpush resque:queue:default a b >/dev/null
stop
start
same "started again" 2 "$(redis llen resque:queue:default)"
stop
cp "$here/dump.rdb" "$here/kept.rdb"
start --appendonly yes
same "started again with appendonly" 0 "$(redis llen resque:queue:default)"
stop
rm -r "$here/appendonlydir"
start
same "started without it again" 0 "$(redis llen resque:queue:default)"
stop
cp "$here/kept.rdb" "$here/dump.rdb"
start
redis config set appendonly yes >/dev/null
while [ "$(redis info persistence | grep -c 'aof_rewrite_in_progress:0\|aof_rewrite_scheduled:0')" != 2 ]; do :; done
stop
start --appendonly yes
same "started with appendonly after CONFIG SET" 2 "$(redis llen resque:queue:default)"
