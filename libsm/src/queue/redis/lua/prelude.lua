-- Numbers are printed with %.0f: Lua writes large ones with an exponent.
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
