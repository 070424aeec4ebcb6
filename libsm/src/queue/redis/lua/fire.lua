if (call('HGET', S .. 'fired', ARGV[2]) or '0') ~= ARGV[3] then return 0 end
if call('HEXISTS', S .. 'schedules', ARGV[2]) == 0 then return 0 end
if #ARGV == 4 then go_on_without_memory() end
call('HSET', S .. 'fired', ARGV[2], ARGV[4])
-- As in `firing`.
if #ARGV == 4 or not takes_jobs(ARGV[5]) or store(5) then return 1 end
return 2
