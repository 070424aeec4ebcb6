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
