-- Read the records of what was counted in some minutes, or in some times of ten minutes.
-- KEYS: counts
-- ARGV[1] kind: m for minutes, t for ten
-- ARGV[2] first: integer, the number of the first one since 1970
-- ARGV[3] many: integer, how many, up to 100
-- ARGV[4...] names: string, those of the counts
-- Returns: {for each record that is there two: its number; its counts with commas between them, empty for 0}
-- Reads only.
-- Guarantees: atomic; changes nothing; a record of another type is left out.

local names, found = arguments(4, 1), {}
for number = tonumber(first_arg), tonumber(first_arg) + math.min(tonumber(many_arg), 100) - 1 do
  local key = counts_key .. kind_arg .. ':' .. digits(number)
  local counts = call('EXISTS', key) == 1 and redis.pcall('HMGET', key, unpack(names))
  if counts and not counts.err then
    for n = 1, #names do
      counts[n] = counts[n] or ''
    end
    found[#found + 1], found[#found + 2] = digits(number), table.concat(counts, ',')
  end
end
return found
