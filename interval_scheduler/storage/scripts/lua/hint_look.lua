-- Look up the latest hints of some ids.
-- KEYS of: hash, id -> number of its latest hint, negative for a removal
-- KEYS says: hash, number -> code, start, interval, writer and data, in lines
-- ARGV[1...] ids: string
-- Returns: {numbers, or nil where no hint waits; contents, or nil}, each in the order of the ids
-- Guarantees: atomic; changes nothing.

local numbers = call('HMGET', of_key, unpack(ARGV))
local fields = {}
for n, number in ipairs(numbers) do
  fields[n] = number or ''
end
return { numbers, call('HMGET', says_key, unpack(fields)) }
