#!/bin/bash
# node-resque 9.7.1 (npm): timestamps() and allDelayed(), where a resque-scheduler keeps when its schedules ran last.
# Expected: the times at which something is delayed: here none.
# Seen: resque-scheduler's hash delayed:last_enqueued_at is taken for one of them: NaN.
# sm: finds the times in delayed_queue_schedule, and never by the names of keys.
. "$(dirname "$0")/common"
debs redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 libjemalloc2=5.3.0-1 \
  liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 lua-bitop=1.0.2-7
node_modules node-resque@9.7.1 ioredis@5.8.2
port=$(free_port)
"$here/root/usr/bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' --dir "$here" >/dev/null & started+=($!)
cat > "$here/times.mjs" <<'JS'
import { Queue } from "node-resque";
import IORedis from "ioredis";
const port = Number(process.argv[2]);
const redis = new IORedis(port, "127.0.0.1");
await redis.hset("resque:delayed:last_enqueued_at", "daily", "2026-11-28 10:00:00 +0000");
const queue = new Queue({ connection: { pkg: "ioredis", host: "127.0.0.1", port, database: 0, namespace: "resque" } });
await queue.connect();
console.log(String(await queue.timestamps()));
console.log(Object.keys(await queue.allDelayed()).join(" "));
await queue.end();
redis.disconnect();
JS
seen=$(cd "$here" && timeout 20 node times.mjs "$port")
same "timestamps()" "NaN" "$(sed -n 1p <<< "$seen")"
same "allDelayed()" "NaN" "$(sed -n 2p <<< "$seen")"
