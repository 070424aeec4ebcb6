#include "queue/redis/scripts.hpp"

#include "queue/job_store.hpp"
#include "queue/sqlite_job_store.hpp"

namespace sm::redis_scripts {
namespace {

// Numbers are printed with %.0f: Lua writes large ones with an exponent.
const std::string prelude = R"lua(
local P = ARGV[1]
local S = P .. 'sm:'
local call = redis.call
local function text(n) return string.format('%.0f', n) end
local function now()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function slice(from, n)
  local out = {}
  for i = 1, n do out[i] = ARGV[from + i - 1] end
  return out
end
-- unpack takes some thousand values at most.
local function in_parts(list, f)
  for from = 1, #list, 1000 do f(unpack(list, from, math.min(from + 999, #list))) end
end
local function push(side, queue, bytes)
  if call('SADD', P .. 'queues', queue) == 1 then call('PUBLISH', S .. 'queues', queue) end
  call(side, P .. 'queue:' .. queue, bytes)
end
local function delay(queue, bytes, at)
  call('ZADD', S .. 'delayed', at, call('INCR', S .. 'number') .. '\n' .. queue .. '\n' .. bytes)
  call('PUBLISH', S .. 'clock', at)
end
local function forget_attempts(bytes)
  if call('HLEN', S .. 'attempts') > 0 then call('HDEL', S .. 'attempts', redis.sha1hex(bytes)) end
end
local function record_of(number, queue)
  local r = call('HGET', S .. 'inflight:' .. queue, number)
  if not r then return nil end
  local worker, failures, crashes, at, bytes = string.match(r, '^([^\n]*)\n(%d+)\n(%d+)\n(%d+)\n(.*)$')
  return {worker = worker, failures = tonumber(failures), crashes = tonumber(crashes), bytes = bytes}
end
local function take_back(number, queue)
  call('HDEL', S .. 'inflight:' .. queue, number)
  call('ZREM', S .. 'leases', number .. ':' .. queue)
end
local function is_object(bytes)
  if string.sub(bytes, 1, 1) ~= '{' then return false end
  return (pcall(cjson.decode, bytes))
end
local function count(name, worker, n)
  call('INCRBY', P .. 'stat:' .. name, n)
  if worker then call('INCRBY', P .. 'stat:' .. name .. ':' .. worker, n) end
end
)lua";

// The tail of a job's form in the enqueue script, in what calls itself `store`.
const std::string store_one = R"lua(
local function store(at)
  local queue, bytes, run_at, lock, id, lock_ms = unpack(slice(at, 6))
  local status_id, status = ARGV[at + 6], ARGV[at + 7]
  if lock ~= '' then
    if not call('SET', S .. 'lock:' .. lock, id, 'NX', 'PX', lock_ms) then
      return call('GET', S .. 'lock:' .. lock)
    end
  end
  if status ~= '' then call('SET', P .. 'job:' .. status_id .. ':status', status, 'EX', 2592000) end
  if tonumber(run_at) > now() then delay(queue, bytes, run_at) else push('RPUSH', queue, bytes) end
  return nil
end
)lua";

// Gives a delivery back after a crash, or unharmed.
const std::string hand_back = R"lua(
local CRASHES_MAX = )lua" + std::to_string(crashes_max) +
                              R"lua(
-- In the status document of a tracked job.
local function note_failed(bytes, error)
  local id, rest = string.match(bytes, '.*"id":"([^"]+)"(.*)$')
  if not id then return end
  local prefix = string.match(rest, '"prefix":"([^"]+)"')
  local key = P .. 'job:' .. (prefix and prefix .. '_' or '') .. id .. ':status'
  local document = call('GET', key)
  if not document then return end
  local ok, status = pcall(cjson.decode, document)
  if not ok or type(status) ~= 'table' then return end
  status.status, status.error, status.updated = 3, error, math.floor(now() / 1000)
  call('SET', key, cjson.encode(status), 'EX', 86400)
end
local function hand_back(number, queue, crashed, iso, exception, error)
  local r = record_of(number, queue)
  take_back(number, queue)
  if not r then return false end
  if crashed then
    local key = redis.sha1hex(r.bytes)
    if r.crashes + 1 >= CRASHES_MAX then
      local payload = is_object(r.bytes) and r.bytes or '{"class":"unreadable","args":[]}'
      call('RPUSH', P .. 'failed', '{"failed_at":"' .. iso .. '","payload":' .. payload ..
        ',"exception":' .. cjson.encode(exception) .. ',"error":' .. cjson.encode(error) ..
        ',"backtrace":[],"worker":' .. cjson.encode(r.worker) .. ',"queue":' .. cjson.encode(queue) .. '}')
      call('HDEL', S .. 'attempts', key)
      note_failed(r.bytes, error)
      count('failed', nil, 1)
      count('processed', nil, 1)
      return true
    end
    call('HSET', S .. 'attempts', key, r.failures .. ':' .. (r.crashes + 1))
  end
  call('SADD', P .. 'queues', queue)
  call('LPUSH', P .. 'queue:' .. queue, r.bytes)
  return true
end
)lua";

}  // namespace

const redis_script enqueue{prelude + store_one + R"lua(
local producer, batch = S .. 'producer:' .. ARGV[2], ARGV[3]
-- The answer to the first try was lost on its way: it is stored.
if call('GET', producer) == batch then return {} end
call('SET', producer, batch, 'EX', 600)
local duplicates = {}
local at, index = 4, 0
while at <= #ARGV do
  if ARGV[at] == 'p' then
    local queue, n = ARGV[at + 1], tonumber(ARGV[at + 2])
    if call('SADD', P .. 'queues', queue) == 1 then call('PUBLISH', S .. 'queues', queue) end
    in_parts(slice(at + 3, n), function(...) call('RPUSH', P .. 'queue:' .. queue, ...) end)
    at = at + 3 + n
    index = index + n
  else
    local holder = store(at + 1)
    if holder then
      duplicates[#duplicates + 1] = text(index)
      duplicates[#duplicates + 1] = holder
    end
    at = at + 9
    index = index + 1
  end
end
return duplicates
)lua"};

const redis_script exchange{prelude + hand_back + R"lua(
local worker, iso, lease, max = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local alone, idle = ARGV[6] == '1', ARGV[7] == '1'
local at = 9
local accepted, processed, failed = 0, 0, 0

-- Jobs that are simply done, by queue.
for _ = 1, tonumber(ARGV[8]) do
  local queue, n = ARGV[at], tonumber(ARGV[at + 1])
  local numbers = slice(at + 2, n)
  local suspects = call('HLEN', S .. 'attempts') > 0
  if suspects then
    for _, number in ipairs(numbers) do
      local r = record_of(number, queue)
      if r and r.failures + r.crashes > 0 then forget_attempts(r.bytes) end
    end
  end
  local members = {}
  for i, number in ipairs(numbers) do members[i] = number .. ':' .. queue end
  in_parts(numbers, function(...) processed = processed + call('HDEL', S .. 'inflight:' .. queue, ...) end)
  in_parts(members, function(...) call('ZREM', S .. 'leases', ...) end)
  at = at + 2 + n
end
accepted = processed

-- All others, one by one.
local others = tonumber(ARGV[at])
at = at + 1
for _ = 1, others do
  local number, queue, how, retry_at, record, plugin = unpack(slice(at, 6))
  local id, lock, status, ttl, exception, error = unpack(slice(at + 6, 6))
  at = at + 12
  local r = record_of(number, queue)
  if r then
    accepted = accepted + 1
    if how == 'returned' or how == 'crashed' then
      hand_back(number, queue, how == 'crashed', iso, exception, error)
    else
      take_back(number, queue)
      processed = processed + 1
      if how == 'failed_retry' then
        call('HSET', S .. 'attempts', redis.sha1hex(r.bytes), (r.failures + 1) .. ':' .. r.crashes)
        if plugin ~= '' then
          -- The scheduler plugins' form, for jobs as Ruby writes them.
          local second = math.ceil(tonumber(retry_at) / 1000)
          call('RPUSH', P .. 'delayed:' .. text(second), plugin)
          call('ZADD', P .. 'delayed_queue_schedule', second, text(second))
          call('SADD', P .. 'timestamps:' .. plugin, 'delayed:' .. text(second))
          call('PUBLISH', S .. 'clock', retry_at)
        else
          delay(queue, r.bytes, retry_at)
        end
      else
        forget_attempts(r.bytes)
        if how == 'failed_dead' then
          failed = failed + 1
          call('RPUSH', P .. 'failed', record)
        end
      end
    end
    if lock ~= '' and call('GET', S .. 'lock:' .. lock) == id then call('DEL', S .. 'lock:' .. lock) end
    if status ~= '' then
      if ttl == '' then call('SET', P .. 'job:' .. id .. ':status', status, 'XX', 'KEEPTTL')
      else call('SET', P .. 'job:' .. id .. ':status', status, 'XX', 'EX', ttl) end
    end
    if how == 'cancelled' then call('HDEL', S .. 'cancel', id) end
  end
end
if processed > 0 then count('processed', worker, processed) end
if failed > 0 then count('failed', worker, failed) end

local jobs, held_back = {}, {}
local waits, again = 0, 1000
local n = 0
local paused = false
if max > 0 then
  local value = call('GET', P .. 'pause-all-workers')
  paused = value and string.lower(string.match(value, '^%s*(.-)%s*$')) == 'true'
end
local first
local leases = {}
if max > 0 then
  local suspects = call('HLEN', S .. 'attempts') > 0
  local until_ms, t
  for q = at, #ARGV do
    if n >= max then break end
    local queue = ARGV[q]
    local key = P .. 'queue:' .. queue
    local room = math.min(call('LLEN', key), max - n)
    if room > 0 then
      t = t or now()
      until_ms = text(t + lease)
      local settings = S .. 'queue:' .. queue
      local rate
      if paused then
        room = 0
      elseif call('EXISTS', settings) == 1 then
        local is_paused, concurrency, period, tokens, since
        is_paused, concurrency, rate, period, tokens, since =
          unpack(call('HMGET', settings, 'paused', 'concurrency', 'rate', 'period', 'tokens', 'at'))
        concurrency, rate = tonumber(concurrency or 0), tonumber(rate or 0)
        if is_paused == '1' then room = 0 end
        if concurrency > 0 then
          room = math.max(math.min(room, concurrency - call('HLEN', S .. 'inflight:' .. queue)), 0)
          if room == 0 then again = math.min(again, 50) end
        end
        if rate > 0 and room > 0 then
          period = tonumber(period)
          tokens = since and math.min(rate, tonumber(tokens) + (t - tonumber(since)) * rate / period) or rate
          if tokens < 1 then again = math.min(again, math.ceil((1 - tokens) * period / rate)) end
          room = math.min(room, math.floor(tokens))
          call('HSET', settings, 'tokens', string.format('%.6f', tokens - room), 'at', text(t))
        end
      end
      local stay_alone = false
      if room == 0 then
        held_back[#held_back + 1] = queue
      elseif suspects then
        local allowed = room
        -- Who crashed a consumer before comes alone, so that it takes nobody with it.
        for i, bytes in ipairs(call('LRANGE', key, 0, room - 1)) do
          local attempts = call('HGET', S .. 'attempts', redis.sha1hex(bytes))
          if attempts and not string.match(attempts, ':0$') then
            room = i - 1
            if i == 1 then
              if alone and n == 0 then
                room = 1
                stay_alone = true
              else
                waits = 1
              end
            end
            break
          end
        end
        if (rate or 0) > 0 and room < allowed then
          call('HINCRBYFLOAT', settings, 'tokens', allowed - room)
        end
      end
      if room > 0 then
        local list = call('LPOP', key, room) or {}
        local last = call('INCRBY', S .. 'number', #list)
        local inflight = {}
        for i, bytes in ipairs(list) do
          local number = text(last - #list + i)
          local failures, crashes = '0', '0'
          if suspects then
            local attempts = call('HGET', S .. 'attempts', redis.sha1hex(bytes))
            if attempts then failures, crashes = string.match(attempts, '(%d+):(%d+)') end
          end
          inflight[#inflight + 1] = number
          inflight[#inflight + 1] = worker .. '\n' .. failures .. '\n' .. crashes .. '\n' .. text(t) .. '\n' .. bytes
          leases[#leases + 1] = until_ms
          leases[#leases + 1] = number .. ':' .. queue
          jobs[#jobs + 1] = number
          jobs[#jobs + 1] = queue
          jobs[#jobs + 1] = failures
          jobs[#jobs + 1] = crashes
          jobs[#jobs + 1] = bytes
          jobs[#jobs + 1] = ''
        end
        in_parts(inflight, function(...) call('HSET', S .. 'inflight:' .. queue, ...) end)
        n = n + #list
        first = first or {queue, list[1]}
      end
      if stay_alone or waits == 1 then break end
    end
  end
end
if n > 0 then
  in_parts(leases, function(...) call('ZADD', S .. 'leases', ...) end)
  -- Tracked jobs are those whose status document is there: php-resque's rule.
  local keys, which = {}, {}
  for i = 0, n - 1 do
    local bytes = jobs[i * 6 + 5]
    local id, rest = string.match(bytes, '.*"id":"([^"]+)"(.*)$')
    if id then
      local prefix = string.match(rest, '"prefix":"([^"]+)"')
      keys[#keys + 1] = P .. 'job:' .. (prefix and prefix .. '_' or '') .. id .. ':status'
      which[#which + 1] = i * 6 + 6
    end
  end
  local found = 0
  in_parts(keys, function(...) found = found + call('EXISTS', ...) end)
  if found > 0 then
    for i, key in ipairs(keys) do jobs[which[i]] = call('GET', key) or '' end
  end
  local bytes = is_object(first[2]) and first[2] or '{}'
  call('SET', P .. 'worker:' .. worker, '{"queue":' .. cjson.encode(first[1]) .. ',"run_at":"' .. iso ..
    '","payload":' .. bytes .. '}')
elseif idle then
  call('DEL', P .. 'worker:' .. worker)
end
return {accepted, waits, again, held_back, jobs}
)lua"};

const redis_script renew{prelude + R"lua(
local until_ms = text(now() + tonumber(ARGV[2]))
local lost = {}
for i = 3, #ARGV do
  if call('ZSCORE', S .. 'leases', ARGV[i]) then call('ZADD', S .. 'leases', 'XX', until_ms, ARGV[i])
  else lost[#lost + 1] = ARGV[i] end
end
return lost
)lua"};

const redis_script give_back{prelude + hand_back + R"lua(
local mode, worker, iso = ARGV[2], ARGV[3], ARGV[4]
local exception, error = ARGV[5], ARGV[6]
local held = {}
for i = 7, #ARGV do held[ARGV[i]] = true end
local members
if mode == 'reap' then members = call('ZRANGEBYSCORE', S .. 'leases', '-inf', text(now()), 'LIMIT', 0, 100)
else members = call('ZRANGE', S .. 'leases', 0, -1) end
local list = {}
for _, member in ipairs(members) do
  local number, queue = string.match(member, '^(%d+):(.*)$')
  local ours = mode == 'reap'
  if not ours then
    local r = record_of(number, queue)
    ours = r and r.worker == worker and not held[member]
  end
  if ours then list[#list + 1] = {tonumber(number), number, queue} end
end
-- From the last to the first, each to the head: they stand in their old order.
table.sort(list, function(a, b) return a[1] > b[1] end)
for _, d in ipairs(list) do hand_back(d[2], d[3], mode ~= 'resync', iso, exception, error) end
return #list
)lua"};

const redis_script move_due{prelude + R"lua(
for _, member in ipairs(call('ZRANGEBYSCORE', S .. 'delayed', '-inf', text(now()), 'LIMIT', 0, 100)) do
  local queue, bytes = string.match(member, '^%d+\n([^\n]*)\n(.*)$')
  call('ZREM', S .. 'delayed', member)
  push('RPUSH', queue, bytes)
end
local next = call('ZRANGE', S .. 'delayed', 0, 0, 'WITHSCORES')
return next[2] or '0'
)lua"};

const redis_script move_plugin{prelude + R"lua(
local element, time, queue, bytes = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local moved = call('LREM', P .. 'delayed:' .. time, 1, element)
if moved == 1 then
  call('SREM', P .. 'timestamps:' .. element, 'delayed:' .. time)
  push('RPUSH', queue, bytes)
end
if call('EXISTS', P .. 'delayed:' .. time) == 0 then call('ZREM', P .. 'delayed_queue_schedule', time) end
return moved
)lua"};

const redis_script fire{prelude + store_one + R"lua(
if (call('HGET', S .. 'fired', ARGV[2]) or '0') ~= ARGV[3] then return 0 end
if call('HEXISTS', S .. 'schedules', ARGV[2]) == 0 then return 0 end
call('HSET', S .. 'fired', ARGV[2], ARGV[4])
if #ARGV > 4 then store(5) end
return 1
)lua"};

const redis_script requeue{prelude + R"lua(
if call('LREM', P .. 'failed', 1, ARGV[2]) == 0 then return 0 end
forget_attempts(ARGV[4])
push('RPUSH', ARGV[3], ARGV[4])
return 1
)lua"};

const redis_script remove{prelude + R"lua(
local kind, key, element, bytes = ARGV[2], P .. ARGV[3], ARGV[4], ARGV[5]
local gone
if kind == 'list' then gone = call('LREM', key, 1, element) else gone = call('ZREM', key, element) end
if gone == 1 then forget_attempts(bytes) end
return gone
)lua"};

const redis_script remove_queue{prelude + R"lua(
local n = call('LLEN', P .. 'queue:' .. ARGV[2])
call('DEL', P .. 'queue:' .. ARGV[2], S .. 'queue:' .. ARGV[2])
call('SREM', P .. 'queues', ARGV[2])
return n
)lua"};

const redis_script release_lock{prelude + R"lua(
if call('GET', S .. 'lock:' .. ARGV[2]) == ARGV[3] then return call('DEL', S .. 'lock:' .. ARGV[2]) end
return 0
)lua"};

}  // namespace sm::redis_scripts
