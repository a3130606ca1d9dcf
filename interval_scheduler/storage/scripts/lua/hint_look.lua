-- Look up what the latest hints of some ids say.
-- KEYS of: hash, id -> number of its latest hint, below 0 if that is a removal
-- KEYS says: hash, number -> code, start, interval and data, in lines
-- ARGV[1...] ids: string
-- Returns: {numbers, or nothing where no hint waits; what each says, or nothing}, each in the order of the ids
-- Guarantees: atomic; changes nothing.

local numbers = call('HMGET', of_key, unpack(ARGV))
local fields = {}
for n, number in ipairs(numbers) do
  fields[n] = number or ''
end
return { numbers, call('HMGET', says_key, unpack(fields)) }
