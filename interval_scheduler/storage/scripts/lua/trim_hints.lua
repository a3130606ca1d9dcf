-- Delete the hints that were applied.
-- KEYS order: sorted set, number and id of each hint -> its number
-- KEYS says: hash, number -> code, start, interval, writer and data, in lines
-- KEYS of: hash, id -> number of its latest hint, negative for a removal
-- ARGV[1] number: integer, of the last hint that was applied
-- ARGV[2] limit: integer, the greatest number of hints to delete
-- Returns: integer, the number of applied hints that are left
-- Guarantees: atomic; may be repeated, since deleted hints do not come back; passes when Redis is out of memory.

local members = call('ZRANGE', order_key, '-inf', number_arg, 'BYSCORE', 'LIMIT', 0, limit_arg)
if #members == 0 then
  return 0
end
local numbers, ids, over = {}, {}, {}
for n, member in ipairs(members) do
  numbers[n], ids[n] = match(member, '^(%d+) (.*)$')
  numbers[n], ids[n] = numbers[n] or '', ids[n] or ''
end
for n, latest in ipairs(call('HMGET', of_key, unpack(ids))) do
  local number = latest and whole(match(latest, '^%-?(.*)$'))
  if latest and (not number or number <= (whole(numbers[n]) or 0)) then
    over[#over + 1] = ids[n]
  end
end
if #over > 0 then
  call('HDEL', of_key, unpack(over))
end
call('HDEL', says_key, unpack(numbers))
call('ZREM', order_key, unpack(members))
return call('ZCOUNT', order_key, '-inf', number_arg)
