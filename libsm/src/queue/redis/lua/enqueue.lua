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
