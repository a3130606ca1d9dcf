-- Read what tasks ask for: the first of them whose records are within a bound in bytes.
-- KEYS: tasks, runs
-- ARGV[1] weight: integer, bytes; the records are no heavier in all, or there is one only
-- ARGV[2...] ids: string
-- Returns: {headers of the records, without their payloads; runs that ended or empty}, each in the order of the ids, for
--   as many of them as there are headers
-- Reads only.
-- Guarantees: atomic; changes nothing.

local ids = arguments(2, 1)
local records = values_within(tasks_key, ids, tonumber(weight_arg))
for n, record in ipairs(records) do
  records[n] = record and match(record, '^[^\n]*')
end
return { records, extras_of(runs_key, { unpack(ids, 1, #records) }) }
