local key, from, left, largest = P .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local out, bytes, step = {'0'}, 0, 16
while left > 0 do
  local n = math.min(step, left)
  local part = call('LRANGE', key, from, from + n - 1)
  for _, element in ipairs(part) do
    if #element > largest then element = '' end
    bytes = bytes + #element
    if bytes > 1048576 and #out > 1 then return out end
    out[#out + 1] = element
  end
  if #part < n then
    out[1] = '1'
    return out
  end
  from = from + n
  left = left - n
  step = step * 2
end
return out
