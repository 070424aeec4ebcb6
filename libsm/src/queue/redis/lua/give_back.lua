local mode, worker = ARGV[2], ARGV[3]
go_on_without_memory()
local held = {}
for i = 4, #ARGV do held[ARGV[i]] = true end
local members
if mode == 'reap' then members = call('ZRANGEBYSCORE', S .. 'leases', '-inf', text(now()), 'LIMIT', 0, 100)
else members = call('ZRANGE', S .. 'leases', 0, -1) end
local list, dying = {}, {}
for _, member in ipairs(members) do
  local number, queue = string.match(member, '^(%d+):(.*)$')
  local r = record_of(number, queue)
  if not r then
    if mode == 'reap' then call('ZREM', S .. 'leases', member) end
  elseif mode == 'reap' or (r.worker == worker and not held[member]) then
    if mode ~= 'resync' and r.crashes + 1 >= CRASHES_MAX then
      -- The caller writes its record, and buries it.
      dying[#dying + 1] = number
      dying[#dying + 1] = queue
      dying[#dying + 1] = r.worker
      dying[#dying + 1] = r.bytes
    else
      list[#list + 1] = {tonumber(number), number, queue}
    end
  end
end
-- From the last to the first, each to the head: they stand in their old order.
table.sort(list, function(a, b) return a[1] > b[1] end)
for _, d in ipairs(list) do hand_back(d[2], d[3], mode ~= 'resync') end
return {#list, dying}
