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
