-- Look tasks up by id: the first of them whose records are within a bound in bytes.
-- KEYS: tasks, due, leases, attempts, paused, failures, history, causes, groups, pauses
-- ARGV[1] weight: integer, bytes; the records are no heavier in all, or there is one only; -1 for no records: '' stands
--   for each that exists
-- ARGV[2...] ids: string
-- Returns: {records; due times, ms; leases; failed deliveries or empty; due times of paused ones, ms, or empty;
--   failed runs or empty; last runs or empty; moments and errors of failing ones or empty; who paused them, or empty}, each
--   in the order of the ids, for as many of them as there are records
-- Reads only.
-- Guarantees: atomic; changes nothing.

local ids, records = arguments(2, 1), {}
if tonumber(weight_arg) < 0 then
  for n, id in ipairs(ids) do
    records[n] = call('HEXISTS', tasks_key, id) == 1 and ''
  end
else
  records = values_within(tasks_key, ids, tonumber(weight_arg))
  if #records < #ids then
    ids = { unpack(ids, 1, #records) }
  end
end
local last, reads = {}, tonumber(weight_arg) >= 0
if reads then
  last = last_runs(history_key, ids, MOST_READ)
  if #last > 0 and #last < #ids then
    ids, records = { unpack(ids, 1, #last) }, { unpack(records, 1, #last) }
  end
end
local scores = call('ZMSCORE', due_key, unpack(ids))
for n, member in ipairs(extras_of(groups_key .. 'parked-of', ids)) do
  local due = member and read_parked(member)
  scores[n] = due and digits(due) or scores[n]
end
return {
  records,
  scores,
  call('HMGET', leases_key, unpack(ids)),
  extras_of(attempts_key, ids),
  call('EXISTS', paused_key) == 1 and call('ZMSCORE', paused_key, unpack(ids)) or {},
  extras_of(failures_key, ids),
  last,
  reads and extras_of(causes_key, ids) or {},
  reads and extras_of(pauses_key, ids) or {},
}
