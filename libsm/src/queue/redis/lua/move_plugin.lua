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
