if call('GET', S .. 'lock:' .. ARGV[2]) == ARGV[3] then return call('DEL', S .. 'lock:' .. ARGV[2]) end
return 0
