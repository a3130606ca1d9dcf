-- Look up the latest hints of some ids: of the first of them whose contents are within a bound in bytes.
-- KEYS of: hash, id -> number of its latest hint, negative for a removal
-- KEYS says: hash, number -> code, start, interval, writer and data, in lines
-- ARGV[1] weight: integer, bytes; the contents are no heavier in all, or there is one only
-- ARGV[2...] ids: string
-- Returns: {numbers, or nil where no hint waits; contents, or nil}, each in the order of the ids, for as many of them as fit
-- Reads only.
-- Guarantees: atomic; changes nothing.

local numbers = call('HMGET', of_key, unpack(arguments(2, 1)))
local fields = {}
for n, number in ipairs(numbers) do
  fields[n] = number or ''
end
local said = values_within(says_key, fields, tonumber(weight_arg))
return { { unpack(numbers, 1, #said) }, said }
