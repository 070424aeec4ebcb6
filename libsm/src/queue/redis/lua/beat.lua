local worker, at, ms, begins = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
go_on_without_memory()
-- Who was taken for dead meanwhile is listed again.
call('SADD', P .. 'workers', worker)
call('HSET', P .. 'workers:heartbeat', worker, at)
call('HSET', S .. 'workers', worker, ms)
if begins then call('SET', P .. 'worker:' .. worker .. ':started', at)
else call('SET', P .. 'worker:' .. worker .. ':started', at, 'NX') end
return 1
