local removes = ARGV[2] == 'remove'
if removes then go_on_without_memory() end
local failed = P .. 'failed'
local gone, refused, missed, open = 0, 0, {}, {}
local last = 0
local takes = {}
local attempts, wishes = call('HLEN', S .. 'attempts') > 0, call('HLEN', S .. 'cancel') > 0
for i = 3, #ARGV, 6 do
  local place, sha1, queue, bytes, id, lock = unpack(slice(i, 6))
  local element = call('LINDEX', failed, place)
  if takes[queue] == nil then takes[queue] = removes or takes_jobs(queue) end
  if not element or redis.sha1hex(element) ~= sha1 then
    missed[#missed + 1] = text((i - 3) / 6)
  elseif not takes[queue] then
    refused = refused + 1
  else
    -- Nobody sees the mark: it goes before the script ends.
    call('LSET', failed, place, 'sm:gone')
    gone = gone + 1
    last = tonumber(place)
    if removes then
      free_lock(lock, id)
      local status = call('GET', P .. 'job:' .. id .. ':status')
      if status and string.find(status, '^{"status":%s*[12]%s*[,}]') then open[#open + 1] = id end
    elseif takes[queue] == 'known' then
      call('RPUSH', P .. 'queue:' .. queue, bytes)
    else
      push('RPUSH', queue, bytes)
      takes[queue] = 'known'
    end
    if attempts then forget_attempts(bytes) end
    if wishes then forget_wish(bytes) end
  end
end
-- From the end that is nearer: no more of the list is looked at than stands before the last.
if gone > 0 then
  call('LREM', failed, last * 2 < call('LLEN', failed) and gone or -gone, 'sm:gone')
end
return {gone, refused, missed, open}
