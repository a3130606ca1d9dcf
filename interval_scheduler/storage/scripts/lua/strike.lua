-- Strike off the hints that were applied.
-- KEYS[1] order: number and id of each hint -> its number
-- KEYS[2] says: number -> code, start, interval and data, in lines
-- KEYS[3] of: id -> number of its latest hint, below 0 if that is a removal
-- ARGV[1] number: integer, of the last one that was applied
-- ARGV[2] limit: integer, how many to strike off at most
-- Returns: integer, how many of those that were applied are left
-- Guarantees: atomic; may be repeated, since what is struck off does not come back; passes when Redis is out of memory.

local members = call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
if #members == 0 then
  return 0
end
local numbers, ids, over = {}, {}, {}
for n, member in ipairs(members) do
  numbers[n], ids[n] = match(member, '^(%d+) (.*)$')
end
for n, latest in ipairs(call('HMGET', KEYS[3], unpack(ids))) do
  if latest and math.abs(tonumber(latest)) <= tonumber(numbers[n]) then
    over[#over + 1] = ids[n]
  end
end
if #over > 0 then
  call('HDEL', KEYS[3], unpack(over))
end
call('HDEL', KEYS[2], unpack(numbers))
call('ZREM', KEYS[1], unpack(members))
return call('ZCOUNT', KEYS[1], '-inf', ARGV[1])
