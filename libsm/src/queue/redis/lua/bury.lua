local number, queue, worker, record, id, lock, status, ttl = unpack(slice(2, 8))
go_on_without_memory()
local r = record_of(number, queue)
if not r or r.worker ~= worker then return 0 end
call('RPUSH', P .. 'failed', record)
take_back(number, queue)
forget_attempts(r.bytes)
forget_wish(r.bytes)
free_lock(lock, id)
set_status(id, status, ttl)
count('failed', nil, 1)
count('processed', nil, 1)
return 1
