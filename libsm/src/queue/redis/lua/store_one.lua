-- The tail of a job's form in the enqueue script, in what calls itself `store`.
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
