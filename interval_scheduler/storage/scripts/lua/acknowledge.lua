-- Note that people know of a loss of data.
-- KEYS: membership
-- ARGV[1] born: integer, when the database became a partition, µs
-- Returns: string, 1 if a loss was not acknowledged before, else 0
-- Guarantees: atomic; a loss after that birth stays; a repetition changes nothing.

local stored = call('HMGET', membership_key, 'born', 'lost')
if stored[1] ~= born_arg or not stored[2] or stored[2] == '0' then
  return '0'
end
call('HSET', membership_key, 'lost', '0')
return '1'
