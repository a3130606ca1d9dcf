-- Count the waiting tasks by when they are due next.
-- KEYS: due
-- ARGV[1] start: integer, ms; the beginning of the first bucket
-- ARGV[2] width: integer, ms; of each bucket
-- ARGV[3] buckets: integer, how many
-- Returns: {for each bucket the number of tasks that are due in it, its beginning included and its end not}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(log N) for each bucket.

local counts, edge, width = {}, tonumber(start_arg), tonumber(width_arg)
for n = 1, tonumber(buckets_arg) do
  counts[n] = call('ZCOUNT', due_key, digits(edge), '(' .. digits(edge + width))
  edge = edge + width
end
return counts
