go_on_without_memory()
local n = call('LLEN', P .. 'failed')
if n == 0 then return 0 end
call('RENAME', P .. 'failed', P .. ARGV[2])
call('UNLINK', P .. ARGV[2])
return n
