-- Look tasks up by id.
-- KEYS: tasks, due, leases, attempts, paused, failures, groups
-- ARGV[1...] ids: string
-- Returns: {records; due times, ms; leases; failed deliveries or empty; due times of paused ones, ms, or empty;
--   failed runs or empty}, each in the order of the ids
-- Guarantees: atomic; changes nothing.

local scores = call('ZMSCORE', due_key, unpack(ARGV))
for n, member in ipairs(extras_of(groups_key .. 'parked-of', ARGV)) do
  local due = member and read_parked(member)
  scores[n] = due and digits(due) or scores[n]
end
return {
  call('HMGET', tasks_key, unpack(ARGV)),
  scores,
  call('HMGET', leases_key, unpack(ARGV)),
  extras_of(attempts_key, ARGV),
  call('EXISTS', paused_key) == 1 and call('ZMSCORE', paused_key, unpack(ARGV)) or {},
  extras_of(failures_key, ARGV),
}
