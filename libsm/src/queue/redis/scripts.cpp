#include "queue/redis/scripts.hpp"

#include "queue/job_store.hpp"

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
-- Redis refuses a script whose first write could take memory while it has none left; what is done
-- to jobs that are there already must go on, or the memory is never freed.
local function go_on_without_memory() call('DEL', S .. 'none') end
-- unpack takes some thousand values at most.
local function in_parts(list, f)
  for from = 1, #list, 1000 do f(unpack(list, from, math.min(from + 999, #list))) end
end
-- A user may be allowed all keys but no channel: then others hear of it at their next look.
local function publish(channel, message) redis.pcall('PUBLISH', S .. channel, message) end
local function push(side, queue, bytes)
  call(side, P .. 'queue:' .. queue, bytes)
  if call('SADD', P .. 'queues', queue) == 1 then publish('queues', queue) end
end
-- What is no list is nobody's queue, and must not keep the others from going on.
local function takes_jobs(queue)
  local kind = call('TYPE', P .. 'queue:' .. queue).ok
  return kind == 'list' or kind == 'none'
end
local function delay(queue, bytes, at)
  call('ZADD', S .. 'delayed', at, text(call('INCR', S .. 'number')) .. '\n' .. queue .. '\n' .. bytes)
  call('HINCRBY', S .. 'delayed_count', queue, 1)
  publish('clock', at)
end
local function undelay(queue)
  if call('HINCRBY', S .. 'delayed_count', queue, -1) <= 0 then call('HDEL', S .. 'delayed_count', queue) end
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
local function note_attempts(bytes, failures, crashes)
  call('HSET', S .. 'attempts', redis.sha1hex(bytes), failures .. ':' .. crashes .. ':' .. text(now()))
end
-- The id as php-resque and sm write it, with PHP's prefix; nil for a job of Ruby's.
local function id_of(bytes)
  local first = string.find(bytes, '"id":', 1, true)
  if not first then return nil end
  local id, rest
  if string.find(bytes, '"id":', first + 1, true) then
    -- An argument has one, too.
    local ok, job = pcall(cjson.decode, bytes)
    if not ok or type(job) ~= 'table' or type(job.id) ~= 'string' or job.id == '' then return nil end
    id, rest = job.id, type(job.prefix) == 'string' and '"prefix":"' .. job.prefix .. '"' or ''
  else
    id, rest = string.match(bytes, '"id":"([^"]+)"(.*)$', first)
    if not id then return nil end
  end
  local prefix = string.match(rest, '"prefix":"([^"]+)"')
  return prefix and prefix .. '_' .. id or id
end
local function forget_wish(bytes)
  if call('HLEN', S .. 'cancel') > 0 then
    call('HDEL', S .. 'cancel', redis.sha1hex(bytes), id_of(bytes) or '')
  end
end
local function free_lock(lock, id)
  if lock ~= '' and call('GET', S .. 'lock:' .. lock) == id then call('DEL', S .. 'lock:' .. lock) end
end
local function set_status(id, status, ttl)
  if status == '' then return end
  if ttl == '' then call('SET', P .. 'job:' .. id .. ':status', status, 'XX', 'KEEPTTL')
  else call('SET', P .. 'job:' .. id .. ':status', status, 'XX', 'EX', ttl) end
end
-- What stands in worker:ID. cjson takes more for JSON than JSON is, and long texts take long.
local function shown(bytes)
  if #bytes < 16384 and string.sub(bytes, 1, 1) == '{' and pcall(cjson.decode, bytes) and
     not string.find(bytes, '[:,%[]%s*[-+]?[nN][aA]') and not string.find(bytes, '[:,%[]%s*[-+]?[iI][nN]') and
     not string.find(bytes, '[:,%[]%s*[-+]?0[xX]') then
    return bytes
  end
  return '{"class":' .. cjson.encode(string.match(bytes, '"class":"([%w_]+)"') or 'unreadable') .. ',"args":[]}'
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
  if lock ~= '' and tonumber(lock_ms) > 0 then
    if not call('SET', S .. 'lock:' .. lock, id, 'NX', 'PX', lock_ms) then
      return call('GET', S .. 'lock:' .. lock)
    end
    call('HDEL', S .. 'cancel', id)  -- a wish of before is not meant for this one
  end
  if status ~= '' then call('SET', P .. 'job:' .. status_id .. ':status', status, 'EX', 2592000) end
  if tonumber(run_at) > now() then delay(queue, bytes, run_at) else push('RPUSH', queue, bytes) end
  return nil
end
)lua";

// Gives a delivery back after a crash, or unharmed.
const std::string hand_back = R"lua(
local function hand_back(number, queue, crashed)
  local r = record_of(number, queue)
  if r then
    local pushed = redis.pcall('LPUSH', P .. 'queue:' .. queue, r.bytes)
    if type(pushed) == 'table' and pushed.err then
      -- Its queue's key is no list: it stays leased for another while, and stops no other.
      call('ZADD', S .. 'leases', text(now() + 60000), number .. ':' .. queue)
      return
    end
    if crashed then note_attempts(r.bytes, r.failures, r.crashes + 1) end
    call('SADD', P .. 'queues', queue)
  end
  take_back(number, queue)
end
)lua";

}  // namespace

const redis_script enqueue{reply_kind::texts, prelude + store_one + R"lua(
local producer, batch = S .. 'producer:' .. ARGV[2], ARGV[3]
local last = call('GET', producer)
if last then
  local number, answer = string.match(last, '^(%d+) (.*)$')
  -- The answer to the first try was lost on its way: it is stored, and this was the answer.
  if number == batch then
    call('EXPIRE', producer, 600)  -- WAIT looks at the last write of a connection
    return cjson.decode(answer)
  end
  -- It was given up, and comes late.
  if tonumber(number) > tonumber(batch) then return {} end
end
-- All or none: a script that fails in the middle has done what stands before.
local checked = {}
local at = 4
while at <= #ARGV do
  local queue = ARGV[at + 1]
  if not checked[queue] then
    local kind = call('TYPE', P .. 'queue:' .. queue).ok
    if kind ~= 'list' and kind ~= 'none' then
      return redis.error_reply('NOLIST ' .. P .. 'queue:' .. queue .. ' is a ' .. kind .. ' and no list')
    end
    checked[queue] = true
  end
  at = at + (ARGV[at] == 'p' and 3 + tonumber(ARGV[at + 2]) or 9)
end
local duplicates = {}
local index = 0
at = 4
while at <= #ARGV do
  if ARGV[at] == 'p' then
    local queue, n = ARGV[at + 1], tonumber(ARGV[at + 2])
    in_parts(slice(at + 3, n), function(...) call('RPUSH', P .. 'queue:' .. queue, ...) end)
    if call('SADD', P .. 'queues', queue) == 1 then publish('queues', queue) end
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
call('SET', producer, batch .. ' ' .. cjson.encode(duplicates), 'EX', 600)
return duplicates
)lua"};

const redis_script exchange{reply_kind::array, prelude + hand_back + R"lua(
local SUSPECT_FROM = )lua" + std::to_string(suspect_from) +
                                                   R"lua(
local worker, iso, lease, max = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local alone, idle, pass = ARGV[6] == '1', ARGV[7] == '1', ARGV[8] == '1'
local bytes_left, largest = tonumber(ARGV[9]), tonumber(ARGV[10])
go_on_without_memory()
local at = 12
local accepted, processed, failed = 0, 0, 0

-- Jobs that are simply done, by queue.
for _ = 1, tonumber(ARGV[11]) do
  local queue, n = ARGV[at], tonumber(ARGV[at + 1])
  local numbers = slice(at + 2, n)
  if call('HLEN', S .. 'attempts') > 0 or call('HLEN', S .. 'cancel') > 0 then
    for _, number in ipairs(numbers) do
      local r = record_of(number, queue)
      if r then
        forget_attempts(r.bytes)
        forget_wish(r.bytes)
      end
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
  local id, lock, status, ttl = unpack(slice(at + 6, 4))
  at = at + 10
  local r = record_of(number, queue)
  if r then
    accepted = accepted + 1
    if how == 'returned' or how == 'crashed' then
      hand_back(number, queue, how == 'crashed')
    else
      processed = processed + 1
      if how == 'failed_retry' then
        note_attempts(r.bytes, r.failures + 1, r.crashes)
        if plugin ~= '' then
          -- The scheduler plugins' form, for jobs as Ruby writes them.
          local second = math.ceil(tonumber(retry_at) / 1000)
          call('RPUSH', P .. 'delayed:' .. text(second), plugin)
          call('ZADD', P .. 'delayed_queue_schedule', second, text(second))
          call('SADD', P .. 'timestamps:' .. plugin, 'delayed:' .. text(second))
          publish('clock', retry_at)
        else
          delay(queue, r.bytes, retry_at)
        end
      else
        forget_attempts(r.bytes)
        forget_wish(r.bytes)
        if how == 'failed_dead' then
          failed = failed + 1
          call('RPUSH', P .. 'failed', record)
        end
      end
      take_back(number, queue)
    end
    free_lock(lock, id)
    set_status(id, status, ttl)
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
local full = false
-- What is larger than an answer may be can be handed to nobody.
local function put_aside(queue, bytes)
  local place = S .. 'oversize:' .. queue
  call('LMOVE', P .. 'queue:' .. queue, place, 'LEFT', 'RIGHT')
  call('RPUSH', P .. 'failed', '{"failed_at":"' .. iso ..
    '","payload":{"class":"unreadable","args":[]},"exception":"sm::payload_too_large","error":' ..
    cjson.encode('the job has ' .. text(#bytes) .. ' bytes, and no consumer takes more than ' .. text(largest) ..
      ' (see queue.payload_max): it stands at the end of the list ' .. place) ..
    ',"backtrace":[],"worker":' .. cjson.encode(worker) .. ',"queue":' .. cjson.encode(queue) .. ',"raw64":null}')
  count('failed', worker, 1)
  count('processed', worker, 1)
end
if max > 0 then
  local suspects = call('HLEN', S .. 'attempts') > 0
  local until_ms, t
  for q = at, #ARGV do
    if n >= max then break end
    local queue = ARGV[q]
    local key = P .. 'queue:' .. queue
    local length = redis.pcall('LLEN', key)
    -- What is no list is nobody's queue, and must not keep the others from being served.
    local room = type(length) == 'number' and math.min(length, max - n) or 0
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
          -- A clock that was set back gives nothing, and takes nothing.
          local passed = since and math.max(t - tonumber(since), 0)
          tokens = since and math.max(math.min(rate, tonumber(tokens) + passed * rate / period), 0) or rate
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
        -- Who crashed consumers again and again comes alone, so that it takes nobody with it.
        for i, bytes in ipairs(call('LRANGE', key, 0, room - 1)) do
          local attempts = call('HGET', S .. 'attempts', redis.sha1hex(bytes))
          local crashes = attempts and tonumber(string.match(attempts, '^%d+:(%d+)')) or 0
          if crashes >= SUSPECT_FROM then
            room = i - 1
            if i == 1 then
              if alone and n == 0 then
                room = 1
                stay_alone = true
              else
                waits = 1
                if pass then call('LMOVE', key, key, 'LEFT', 'RIGHT') end
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
        local list = call('LRANGE', key, 0, room - 1)
        -- An answer has its bounds: the rest comes next time.
        local kept = 0
        for i, bytes in ipairs(list) do
          bytes_left = bytes_left - #bytes
          if #bytes > largest or (bytes_left < 0 and n + kept > 0) then break end
          kept = i
        end
        if kept == 0 and #list[1] > largest then put_aside(queue, list[1]) end
        if kept < #list then
          if (rate or 0) > 0 then call('HINCRBYFLOAT', settings, 'tokens', #list - kept) end
          for i = #list, kept + 1, -1 do list[i] = nil end
          full = true
        end
        if kept == 0 then break end
        -- Not below the clock: should Redis come back with older data, no number is used again.
        local last = call('INCRBY', S .. 'number', #list)
        if last < t * 1000 then
          last = t * 1000 + #list
          call('SET', S .. 'number', text(last))
        end
        local inflight, leases = {}, {}
        for i, bytes in ipairs(list) do
          local number = text(last - #list + i)
          local failures, crashes = '0', '0'
          if suspects then
            local attempts = call('HGET', S .. 'attempts', redis.sha1hex(bytes))
            if attempts then failures, crashes = string.match(attempts, '^(%d+):(%d+)') end
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
        -- From the queue last: should one of these fail, the job is in two places, and not in none.
        in_parts(leases, function(...) call('ZADD', S .. 'leases', ...) end)
        in_parts(inflight, function(...) call('HSET', S .. 'inflight:' .. queue, ...) end)
        call('LPOP', key, #list)
        n = n + #list
        first = first or {queue, list[1]}
      end
      if full or stay_alone or (waits == 1 and not pass) then break end
    end
  end
end
if n > 0 then
  -- Tracked jobs are those whose status document is there: php-resque's rule.
  local keys, which = {}, {}
  for i = 0, n - 1 do
    local id = id_of(jobs[i * 6 + 5])
    if id then
      keys[#keys + 1] = P .. 'job:' .. id .. ':status'
      which[#which + 1] = i * 6 + 6
    end
  end
  local found = 0
  in_parts(keys, function(...) found = found + call('EXISTS', ...) end)
  if found > 0 then
    for i, key in ipairs(keys) do jobs[which[i]] = call('GET', key) or '' end
  end
  call('SET', P .. 'worker:' .. worker, '{"queue":' .. cjson.encode(first[1]) .. ',"run_at":"' .. iso ..
    '","payload":' .. shown(first[2]) .. '}')
elseif idle then
  call('DEL', P .. 'worker:' .. worker)
end
return {accepted, waits, again, held_back, jobs}
)lua"};

const redis_script beat{reply_kind::number, prelude + R"lua(
local worker, at, ms, begins = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
go_on_without_memory()
-- Who was taken for dead meanwhile is listed again.
call('SADD', P .. 'workers', worker)
call('HSET', P .. 'workers:heartbeat', worker, at)
call('HSET', S .. 'workers', worker, ms)
if begins then call('SET', P .. 'worker:' .. worker .. ':started', at)
else call('SET', P .. 'worker:' .. worker .. ':started', at, 'NX') end
return 1
)lua"};

const redis_script renew{reply_kind::texts, prelude + R"lua(
go_on_without_memory()
local until_ms = text(now() + tonumber(ARGV[2]))
local lost = {}
for i = 3, #ARGV do
  if call('ZSCORE', S .. 'leases', ARGV[i]) then call('ZADD', S .. 'leases', 'XX', until_ms, ARGV[i])
  else lost[#lost + 1] = ARGV[i] end
end
return lost
)lua"};

const redis_script give_back{reply_kind::array, prelude + hand_back + R"lua(
local CRASHES_MAX = )lua" + std::to_string(crashes_max) +
                                                    R"lua(
local mode, worker = ARGV[2], ARGV[3]
go_on_without_memory()
local held = {}
for i = 4, #ARGV do held[ARGV[i]] = true end
local members
if mode == 'reap' then members = call('ZRANGEBYSCORE', S .. 'leases', '-inf', text(now()), 'LIMIT', 0, 100)
else members = call('ZRANGE', S .. 'leases', 0, -1) end
local list, dying = {}, {}
for _, member in ipairs(members) do
  local number, queue = string.match(member, '^(%d+):(.*)$')
  local r = record_of(number, queue)
  if not r then
    if mode == 'reap' then call('ZREM', S .. 'leases', member) end
  elseif mode == 'reap' or (r.worker == worker and not held[member]) then
    if mode ~= 'resync' and r.crashes + 1 >= CRASHES_MAX then
      -- The caller writes its record, and buries it.
      dying[#dying + 1] = number
      dying[#dying + 1] = queue
      dying[#dying + 1] = r.worker
      dying[#dying + 1] = r.bytes
    else
      list[#list + 1] = {tonumber(number), number, queue}
    end
  end
end
-- From the last to the first, each to the head: they stand in their old order.
table.sort(list, function(a, b) return a[1] > b[1] end)
for _, d in ipairs(list) do hand_back(d[2], d[3], mode ~= 'resync') end
return {#list, dying}
)lua"};

const redis_script bury{reply_kind::number, prelude + R"lua(
local number, queue, worker, record, id, lock, status, ttl = unpack(slice(2, 8))
go_on_without_memory()
local r = record_of(number, queue)
if not r or r.worker ~= worker then return 0 end
call('RPUSH', P .. 'failed', record)
take_back(number, queue)
forget_attempts(r.bytes)
forget_wish(r.bytes)
free_lock(lock, id)
set_status(id, status, ttl)
count('failed', nil, 1)
count('processed', nil, 1)
return 1
)lua"};

const redis_script put_status{reply_kind::number, prelude + R"lua(
go_on_without_memory()
for i = 2, #ARGV, 3 do
  local key, document, ttl = P .. 'job:' .. ARGV[i] .. ':status', ARGV[i + 1], ARGV[i + 2]
  local present = call('GET', key)
  -- What has ended stays so: a progress may come late.
  if present and string.find(present, '^{"status":%s*[12]%s*[,}]') then
    if ttl == '' then call('SET', key, document, 'KEEPTTL') else call('SET', key, document, 'EX', ttl) end
  end
end
return 1
)lua"};

const redis_script move_due{reply_kind::text, prelude + R"lua(
go_on_without_memory()
for _, member in ipairs(call('ZRANGEBYSCORE', S .. 'delayed', '-inf', text(now()), 'LIMIT', 0, 100)) do
  local queue, bytes = string.match(member, '^%d+\n([^\n]*)\n(.*)$')
  if takes_jobs(queue) then
    push('RPUSH', queue, bytes)
    call('ZREM', S .. 'delayed', member)
    undelay(queue)
  else
    call('ZADD', S .. 'delayed', text(now() + 60000), member)
  end
end
local next = call('ZRANGE', S .. 'delayed', 0, 0, 'WITHSCORES')
return next[2] or '0'
)lua"};

const redis_script move_plugin{reply_kind::number, prelude + R"lua(
local element, time, queue, bytes = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
for i = 6, #ARGV do
  if call('EXISTS', ARGV[i]) == 1 then return 0 end
end
go_on_without_memory()
if not takes_jobs(queue) then
  -- Another minute, as the plugins would have it.
  local later = text(tonumber(time) + 60)
  if call('LREM', P .. 'delayed:' .. time, 1, element) == 1 then
    call('RPUSH', P .. 'delayed:' .. later, element)
    call('ZADD', P .. 'delayed_queue_schedule', later, later)
    call('SREM', P .. 'timestamps:' .. element, 'delayed:' .. time)
    call('SADD', P .. 'timestamps:' .. element, 'delayed:' .. later)
  end
  if call('EXISTS', P .. 'delayed:' .. time) == 0 then call('ZREM', P .. 'delayed_queue_schedule', time) end
  return 0
end
local moved = call('LREM', P .. 'delayed:' .. time, 1, element)
if moved == 1 then
  push('RPUSH', queue, bytes)
  call('SREM', P .. 'timestamps:' .. element, 'delayed:' .. time)
end
if call('EXISTS', P .. 'delayed:' .. time) == 0 then call('ZREM', P .. 'delayed_queue_schedule', time) end
return moved
)lua"};

const redis_script fire{reply_kind::number, prelude + store_one + R"lua(
if (call('HGET', S .. 'fired', ARGV[2]) or '0') ~= ARGV[3] then return 0 end
if call('HEXISTS', S .. 'schedules', ARGV[2]) == 0 then return 0 end
if #ARGV == 4 then go_on_without_memory() end
call('HSET', S .. 'fired', ARGV[2], ARGV[4])
-- As in `firing`.
if #ARGV == 4 or not takes_jobs(ARGV[5]) or store(5) then return 1 end
return 2
)lua"};

const redis_script range{reply_kind::texts, prelude + R"lua(
local key, from, left, largest = P .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local out, bytes, step = {'0'}, 0, 16
while left > 0 do
  local n = math.min(step, left)
  local part = call('LRANGE', key, from, from + n - 1)
  for _, element in ipairs(part) do
    if #element > largest then element = '' end
    bytes = bytes + #element
    if bytes > 1048576 and #out > 1 then return out end
    out[#out + 1] = element
  end
  if #part < n then
    out[1] = '1'
    return out
  end
  from = from + n
  left = left - n
  step = step * 2
end
return out
)lua"};

const redis_script act_on_dead{reply_kind::array, prelude + R"lua(
local removes = ARGV[2] == 'remove'
if removes then go_on_without_memory() end
local failed = P .. 'failed'
local gone, refused, missed, open = 0, 0, {}, {}
local last = 0
local takes = {}
local attempts, wishes = call('HLEN', S .. 'attempts') > 0, call('HLEN', S .. 'cancel') > 0
for i = 3, #ARGV, 6 do
  local place, sha1, queue, bytes, id, lock = unpack(slice(i, 6))
  local element = call('LINDEX', failed, place)
  if takes[queue] == nil then takes[queue] = removes or takes_jobs(queue) end
  if not element or redis.sha1hex(element) ~= sha1 then
    missed[#missed + 1] = text((i - 3) / 6)
  elseif not takes[queue] then
    refused = refused + 1
  else
    -- Nobody sees the mark: it goes before the script ends.
    call('LSET', failed, place, 'sm:gone')
    gone = gone + 1
    last = tonumber(place)
    if removes then
      free_lock(lock, id)
      local status = call('GET', P .. 'job:' .. id .. ':status')
      if status and string.find(status, '^{"status":%s*[12]%s*[,}]') then open[#open + 1] = id end
    elseif takes[queue] == 'known' then
      call('RPUSH', P .. 'queue:' .. queue, bytes)
    else
      push('RPUSH', queue, bytes)
      takes[queue] = 'known'
    end
    if attempts then forget_attempts(bytes) end
    if wishes then forget_wish(bytes) end
  end
end
-- From the end that is nearer: no more of the list is looked at than stands before the last.
if gone > 0 then
  call('LREM', failed, last * 2 < call('LLEN', failed) and gone or -gone, 'sm:gone')
end
return {gone, refused, missed, open}
)lua"};

const redis_script clear_dead{reply_kind::number, prelude + R"lua(
go_on_without_memory()
local n = call('LLEN', P .. 'failed')
if n == 0 then return 0 end
call('RENAME', P .. 'failed', P .. ARGV[2])
call('UNLINK', P .. ARGV[2])
return n
)lua"};

const redis_script remove{reply_kind::number, prelude + R"lua(
local kind, key, element, bytes, queue = ARGV[2], P .. ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local id, lock, status, ttl = unpack(slice(7, 4))
go_on_without_memory()
local gone
if kind == 'delayed' then
  gone = call('ZREM', key, element)
  if gone == 1 then undelay(queue) end
else
  gone = call('LREM', key, 1, element)
  if gone == 1 and kind == 'plugin' then call('SREM', P .. 'timestamps:' .. element, ARGV[3]) end
end
if gone == 1 then
  forget_attempts(bytes)
  forget_wish(bytes)
  free_lock(lock, id)
  set_status(id, status, ttl)
end
return gone
)lua"};

const redis_script remove_queue{reply_kind::number, prelude + R"lua(
if not takes_jobs(ARGV[2]) then
  return redis.error_reply('NOLIST ' .. P .. 'queue:' .. ARGV[2] .. ' is no list')
end
call('DEL', S .. 'queue:' .. ARGV[2])
call('SREM', P .. 'queues', ARGV[2])
if call('EXISTS', P .. 'queue:' .. ARGV[2]) == 0 then return 0 end
call('RENAME', P .. 'queue:' .. ARGV[2], P .. ARGV[3])
return call('LLEN', P .. ARGV[3])
)lua"};

const redis_script release_lock{reply_kind::number, prelude + R"lua(
if call('GET', S .. 'lock:' .. ARGV[2]) == ARGV[3] then return call('DEL', S .. 'lock:' .. ARGV[2]) end
return 0
)lua"};

}  // namespace sm::redis_scripts
