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
