-- Look tasks up by id.
-- KEYS[1] tasks: id -> record
-- KEYS[2] due: id -> due, ms
-- KEYS[3] leases: id -> lease
-- KEYS[4] attempts: id -> deliveries that failed
-- ARGV[1...] ids: string
-- Returns: {records; due times, ms; leases; failed deliveries or empty}, each in the order of the ids
-- Guarantees: atomic; changes nothing.

return {
  call('HMGET', KEYS[1], unpack(ARGV)),
  call('ZMSCORE', KEYS[2], unpack(ARGV)),
  call('HMGET', KEYS[3], unpack(ARGV)),
  attempts_of(KEYS[4], ARGV),
}
