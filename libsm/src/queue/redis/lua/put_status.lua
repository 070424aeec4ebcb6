go_on_without_memory()
for i = 2, #ARGV, 3 do
  local key, document, ttl = P .. 'job:' .. ARGV[i] .. ':status', ARGV[i + 1], ARGV[i + 2]
  local present = call('GET', key)
  -- What has ended stays so: a progress may come late.
  if present and string.find(present, '^{"status":%s*[12]%s*[,}]') then
    if ttl == '' then call('SET', key, document, 'KEEPTTL') else call('SET', key, document, 'EX', ttl) end
  end
end
return 1
