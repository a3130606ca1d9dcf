-- Count the hints that wait, for some partitions.
-- KEYS[1] order: of one partition: number and id of each hint -> its number
-- KEYS[2...] orders: the same of further partitions
-- Returns: {how many wait, for each partition}
-- Guarantees: changes nothing; O(1) for each partition.

local counts = {}
for n, key in ipairs(KEYS) do
  counts[n] = call('ZCARD', key)
end
return counts
