if not takes_jobs(ARGV[2]) then
  return redis.error_reply('NOLIST ' .. P .. 'queue:' .. ARGV[2] .. ' is no list')
end
call('DEL', S .. 'queue:' .. ARGV[2])
call('SREM', P .. 'queues', ARGV[2])
if call('EXISTS', P .. 'queue:' .. ARGV[2]) == 0 then return 0 end
call('RENAME', P .. 'queue:' .. ARGV[2], P .. ARGV[3])
return call('LLEN', P .. ARGV[3])
