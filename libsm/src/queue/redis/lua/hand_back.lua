-- Gives a delivery back after a crash, or unharmed.
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
