-- Find the keys that have another type than they should.
-- KEYS... key: any type, the keys to look at
-- ARGV[1...] types: string, the type of each key: string, hash, sorted set, set or list
-- Returns: {for each key that has another type two: its name; the type that it should have}
-- Reads only.
-- Guarantees: atomic; changes nothing; O(1) for each key; uses only commands that other scripts use.

local READS = {
  string = { 'GET' },
  hash = { 'HEXISTS', '' },
  ['sorted set'] = { 'ZCARD' },
  set = { 'SCARD' },
  list = { 'LRANGE', 0, 0 },
}

local found = {}
for n, key in ipairs(key_keys) do
  local read = READS[ARGV[n]]
  local reply = read and redis.pcall(read[1], key, unpack(read, 2))
  if type(reply) == 'table' and reply.err and match(tostring(reply.err), 'WRONGTYPE') then
    found[#found + 1], found[#found + 2] = key, ARGV[n]
  end
end
return found
