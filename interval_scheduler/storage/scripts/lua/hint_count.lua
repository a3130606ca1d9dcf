-- Count the hints that wait, for some partitions.
-- KEYS... order: sorted set, one for each partition: number and id of a hint -> its number
-- Returns: {the number of hints that wait, for each partition}
-- Reads only.
-- Guarantees: changes nothing; O(1) for each partition.

local counts = {}
for n, key in ipairs(order_keys) do
  counts[n] = call('ZCARD', key)
end
return counts
