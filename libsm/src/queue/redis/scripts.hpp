// Every change of the queue's state in Redis, each one script and so atomic. ARGV[1] is the prefix
// of Resque's keys; sm's own are under PREFIX .. "sm:":
//
//   leases            zset: "NUMBER:QUEUE" -> when it runs out (ms by Redis' own clock)
//   inflight:QUEUE    hash: NUMBER -> "WORKER\nFAILURES\nCRASHES\nCLAIMED_MS\nBYTES"
//   attempts          hash: SHA-1 of a job's bytes -> "FAILURES:CRASHES:MS", of jobs that have any
//   delayed           zset: "NUMBER\nQUEUE\nBYTES" -> when it is due (ms)
//   delayed_count     hash: QUEUE -> how many of them
//   workers           hash: consumers of sm -> their last sign of life (ms)
//   queue:QUEUE       hash: paused, concurrency, rate, period, tokens, at
//   lock:KEY          string: the id of the job that holds it
//   cancel            hash: id -> when the wish is forgotten (ms)
//   schedules, fired  hashes: name -> document, last time (ms)
//   producer:ID       string: the last batch this producer stored, and the answer
//   oversize:QUEUE    list: jobs that are too large to be handed out; `failed` says so
//   number            counter of deliveries
//
// A job is in exactly one of queue:QUEUE (Resque's list), inflight, delayed (or delayed:TIME, the
// scheduler plugins' form), failed.
#pragma once

#include "queue/redis/redis_client.hpp"

namespace sm::redis_scripts {

/// producer, batch, then jobs: "p" queue n bytes... | "j" queue bytes run_at_ms lock id lock_ms
/// status_id status. -> duplicates as index, id, ...; an index counts jobs.
extern const redis_script enqueue;
/// worker, iso time, lease_ms, max, alone, idle, pass suspects, bytes of all that is claimed, bytes
/// of one job at most, number of groups of done jobs: queue n numbers..., number of other outcomes:
/// each 10 fields, queues...
extern const redis_script exchange;
/// lease_ms, "NUMBER:QUEUE"... -> those that are lost
extern const redis_script renew;
/// mode ("reap", "worker", "resync"), worker, held... -> how many were given back, and those that
/// crashed too often: number, queue, worker, bytes
extern const redis_script give_back;
/// number, queue, worker, record, id, lock, status, seconds that stays -> 1 when it was there
extern const redis_script bury;
/// (id, document, seconds it stays or "")... Those that have none, or have ended, stay as they are.
extern const redis_script put_status;
/// worker, iso time, ms, whether it begins
extern const redis_script beat;
/// -> the time of the next delayed job, or 0
extern const redis_script move_due;
/// exact element of delayed:TIME, TIME, queue, bytes, keys of schedulers' locks... -> 1 when it was
/// moved; not while one of them is held
extern const redis_script move_plugin;
/// name, last_ms, now_ms, job as in enqueue's "j" or none -> as `firing`
extern const redis_script fire;
/// list, from, count, bytes of one element at most -> "1" when the list ends with them, elements...
/// Of one that is larger the text is left out.
extern const redis_script range;
/// mode ("requeue", "remove"), then for each dead job, in the order they stand: place, SHA-1 of the
/// record, queue, bytes, id, lock. -> how many were there, those whose queue is no list, the
/// indexes of those that stand elsewhere, the ids of those whose status document has not ended
extern const redis_script act_on_dead;
/// key to move them to -> how many there were; all at once, and freed aside
extern const redis_script clear_dead;
/// kind ("list", "delayed", "plugin"), key, exact element, bytes, queue, id, lock, status, seconds
/// that stays -> 1 when it was there
extern const redis_script remove;
/// queue, key to move its jobs to -> how many there are
extern const redis_script remove_queue;
/// lock, id
extern const redis_script release_lock;

}  // namespace sm::redis_scripts
