-- List the first hints that wait for a partition, in order.
-- KEYS order: sorted set, number and id of each hint -> its number
-- KEYS says: hash, number -> code, start, interval, writer and data, in lines
-- ARGV[1] limit: integer, how many at most
-- ARGV[2] weight: integer, bytes; the contents are no heavier in all, or there is one only
-- Returns: {number and id of each; content of each, or nil if it was lost}
-- Reads only.
-- Guarantees: changes nothing; O(log N) plus the page.

local members = call('ZRANGE', order_key, 0, tonumber(limit_arg) - 1)
if #members == 0 then
  return { {}, {} }
end
local numbers = {}
for n, member in ipairs(members) do
  numbers[n] = match(member, '^%d+') or ''
end
local said = values_within(says_key, numbers, tonumber(weight_arg))
return { { unpack(members, 1, #said) }, said }
