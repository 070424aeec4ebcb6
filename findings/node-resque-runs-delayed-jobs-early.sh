#!/bin/bash
# node-resque 9.7.1 (npm): a job that is delayed until a time with milliseconds (enqueueAt, likewise enqueueIn).
# Expected: it is enqueued at that time or up to a second after it, the scheduler's polling aside; never before.
# Seen: both the time and the clock are rounded to the nearest second, so that it comes up to a second before its time:
# one for .450 is enqueued 0.9 s early; enqueueIn(1000) may come after 100 ms.
# sm: moves what is delayed in this form when the second has begun that stands there, and keeps its own to the
# millisecond; docs/queue.md says what a job must not rely upon beside node-resque.
. "$(dirname "$0")/common"
debs redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 libjemalloc2=5.3.0-1 \
  liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 lua-bitop=1.0.2-7
node_modules node-resque@9.7.1 ioredis@5.8.2
port=$(free_port)
"$here/root/usr/bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' --dir "$here" >/dev/null & started+=($!)
cat > "$here/early.mjs" <<'JS'
import { Queue, Scheduler } from "node-resque";
const connection = { pkg: "ioredis", host: "127.0.0.1", port: Number(process.argv[2]), database: 0, namespace: "resque" };
const queue = new Queue({ connection });
await queue.connect();
const scheduler = new Scheduler({ connection, timeout: 10 });
await scheduler.connect();
const time = Math.floor(Date.now() / 1000) * 1000 + 3450;
await queue.enqueueAt(time, "mail", "Note", [1]);
const early = new Promise((told) => scheduler.on("transferredJob", () => told(time - Date.now())));
scheduler.start();
console.log((await early) > 500 ? "more than half a second early" : "in time");
await scheduler.end();
await queue.end();
JS
seen=$(cd "$here" && timeout 20 node early.mjs "$port")
same "a job for a time with .450 is" "more than half a second early" "$seen"
