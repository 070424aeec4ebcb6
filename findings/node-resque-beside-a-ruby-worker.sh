#!/bin/bash
# node-resque 9.7.1 (npm) beside a Ruby Resque worker in the middle of a job (its three keys, as Resque writes them).
# Expected: allWorkingOn() names the worker with its job; cleanOldWorkers() either spares it, whose heartbeat is fresh,
# or fails its job.
# Seen: the worker's `:started` key is read as a worker of its own, the job stands under "undefined"; cleanOldWorkers()
# counts a failure in stat:failed for which there is no record, and leaves the worker.
# sm: what is dead is counted by the records (sm_queue_dead); the shared counter may be ahead of them.
. "$(dirname "$0")/common"
debs redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 libjemalloc2=5.3.0-1 \
  liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 lua-bitop=1.0.2-7
node_modules node-resque@9.7.1
port=$(free_port)
"$here/root/usr/bin/redis-server" --port "$port" --bind 127.0.0.1 --save '' --dir "$here" >/dev/null & started+=($!)
cat > "$here/look.mjs" <<'JS'
import { Queue } from "node-resque";
import IORedis from "ioredis";
const port = Number(process.argv[2]);
const redis = new IORedis(port, "127.0.0.1");
const worker = "host:4242:mail";
await redis.sadd("resque:workers", worker);
await redis.set(`resque:worker:${worker}:started`, "2026-11-28 10:00:00 +0000");
await redis.hset("resque:workers:heartbeat", worker, new Date().toISOString());
const run_at = new Date(Date.now() - 3600_000).toISOString();
await redis.set(`resque:worker:${worker}`, JSON.stringify({ queue: "mail", run_at, payload: { class: "Long", args: [] } }));
const queue = new Queue({ connection: { pkg: "ioredis", host: "127.0.0.1", port, database: 0, namespace: "resque" } });
queue.on("error", () => {});
await queue.connect();
console.log(Object.entries(await queue.allWorkingOn()).map(([name, job]) => `${name}=${job.queue ?? job}`).join(" "));
await queue.cleanOldWorkers(60_000);
console.log(`counted ${await redis.get("resque:stat:failed")}, records ${await redis.llen("resque:failed")}, workers ${await redis.scard("resque:workers")}`);
await queue.end();
redis.disconnect();
JS
seen=$(cd "$here" && node look.mjs "$port")
same "allWorkingOn" "host:4242=started undefined=mail" "$(sed -n 1p <<< "$seen")"
same "cleanOldWorkers" "counted 1, records 0, workers 1" "$(sed -n 2p <<< "$seen")"
