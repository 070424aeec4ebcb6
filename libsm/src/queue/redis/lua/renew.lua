go_on_without_memory()
local until_ms = text(now() + tonumber(ARGV[2]))
local lost = {}
for i = 3, #ARGV do
  if call('ZSCORE', S .. 'leases', ARGV[i]) then call('ZADD', S .. 'leases', 'XX', until_ms, ARGV[i])
  else lost[#lost + 1] = ARGV[i] end
end
return lost
