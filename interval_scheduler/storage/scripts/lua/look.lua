-- Look tasks up by id.
-- KEYS[1] tasks: id -> record
-- KEYS[2] due: id -> due, ms
-- KEYS[3] leases: id -> lease
-- KEYS[4] attempts: id -> deliveries that failed
-- KEYS[5] paused: id -> due, ms
-- KEYS[6] failures: id -> runs that failed for good
-- KEYS[7] groups: prefix of the keys of groups (see _groups.lua)
-- ARGV[1...] ids: string
-- Returns: {records; due times, ms; leases; failed deliveries or empty; due times of paused ones, ms, or empty;
--   failed runs or empty}, each in the order of the ids
-- Guarantees: atomic; changes nothing.

local scores = call('ZMSCORE', KEYS[2], unpack(ARGV))
for n, member in ipairs(extras_of(KEYS[7] .. 'parked-of', ARGV)) do
  scores[n] = member and digits(read_parked(member)) or scores[n]
end
return {
  call('HMGET', KEYS[1], unpack(ARGV)),
  scores,
  call('HMGET', KEYS[3], unpack(ARGV)),
  extras_of(KEYS[4], ARGV),
  call('EXISTS', KEYS[5]) == 1 and call('ZMSCORE', KEYS[5], unpack(ARGV)) or {},
  extras_of(KEYS[6], ARGV),
}
