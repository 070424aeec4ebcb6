if not takes_jobs(ARGV[2]) then
  return redis.error_reply('NOLIST ' .. P .. 'queue:' .. ARGV[2] .. ' is no list')
end
go_on_without_memory()
local list, left = P .. 'queue:' .. ARGV[2], tonumber(ARGV[3])
local out, bytes = {}, 0
while left > 0 and bytes < 1048576 do
  local part = call('LRANGE', list, #out, #out + math.min(left, 16) - 1)
  if #part == 0 then break end
  for _, element in ipairs(part) do
    out[#out + 1] = element
    bytes = bytes + #element
  end
  left = left - #part
end
call('LTRIM', list, #out, -1)
if call('EXISTS', list) == 0 then
  call('DEL', S .. 'queue:' .. ARGV[2])
  call('SREM', P .. 'queues', ARGV[2])
end
return out
