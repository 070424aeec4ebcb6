#!/bin/bash
# node-resque 9.7.1 (npm): its scheduler, while a resque-scheduler holds the lock of Resque's world.
# Expected: it stays a follower: its source names resque-scheduler's locking as its own, and both move the same lists.
# Seen: its lock has another name; it leads beside the other one, and moves what is due. Ruby reads a list before it
# watches it (5.0, enqueue_items_in_batch_for_timestamp), so that what is taken meanwhile is enqueued twice.
# sm: leaves such jobs alone while either lock is held (scheduler_locks).
. "$(dirname "$0")/common"
debs redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 libjemalloc2=5.3.0-1 \
  liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 lua-bitop=1.0.2-7
node_modules node-resque@9.7.1 ioredis@5.8.2
port=$(free_port)
"$here/root/usr/bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' --dir "$here" >/dev/null & started+=($!)
cat > "$here/lead.mjs" <<'JS'
import { Queue, Scheduler } from "node-resque";
import IORedis from "ioredis";
const port = Number(process.argv[2]);
const redis = new IORedis(port, "127.0.0.1");
const connection = { pkg: "ioredis", host: "127.0.0.1", port, database: 0, namespace: "resque" };
await redis.set("resque:resque:resque_scheduler_master_lock", "host:4242", "EX", 180);
const queue = new Queue({ connection });
await queue.connect();
await queue.enqueueAt(Date.now() - 5000, "mail", "Note", [1]);
const scheduler = new Scheduler({ connection, timeout: 20 });
await scheduler.connect();
const leads = new Promise((told) => scheduler.on("leader", () => told("leads")));
const moved = new Promise((told) => scheduler.on("transferredJob", (_, job) => told(job.class)));
scheduler.start();
console.log(await leads);
console.log(await moved);
console.log((await redis.keys("*_lock")).sort().join(" "));
await scheduler.end();
await queue.end();
redis.disconnect();
JS
seen=$(cd "$here" && timeout 20 node lead.mjs "$port")
same "beside Ruby's lock it" "leads" "$(sed -n 1p <<< "$seen")"
same "it moved" "Note" "$(sed -n 2p <<< "$seen")"
same "locks" "resque:resque:resque_scheduler_master_lock resque:resque_scheduler_leader_lock" "$(sed -n 3p <<< "$seen")"
