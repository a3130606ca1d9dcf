-- List tasks in the order of one set, a page at a time.
-- KEYS: tasks, leases, attempts, errors, failures, history, causes, pauses
-- KEYS set: sorted set to list: due, leased, paused, dead, or the parked tasks, which wait for room in their group (see
--   _groups.lua)
-- ARGV[1] limit: integer, how many tasks at most
-- ARGV[2] weight: integer, bytes; the records are no heavier in all, or there is one only
-- ARGV[3] score: number, of the last task of the page before; '' for the first page
-- ARGV[4] id: string, of the last task of the page before
-- Returns: {ids; scores; records; leases of leased ones or empty; failed deliveries or empty; failed runs or empty; last
--   runs or empty; moments and errors of failing ones or empty; who paused them, or empty; errors of dead ones or empty; of
--   parked tasks the members of the set, or empty: the last one is the id for the next page; 1 if a page may follow, else 0}
-- Reads only.
-- Guarantees: changes nothing; O(log N) plus the page; a task that keeps its place is listed exactly once.

local first = score_arg ~= '' and select(2, place_in(set_key, score_arg, id_arg)) or 0
local found = call('ZRANGE', set_key, first, first + tonumber(limit_arg) - 1, 'WITHSCORES')
local ids, scores = {}, {}
for at = 1, #found, 2 do
  ids[#ids + 1] = found[at]
  scores[#scores + 1] = found[at + 1]
end
local members = {}
if string.sub(set_key, -6) == 'parked' then
  members = ids
  ids = {}
  for n, member in ipairs(members) do
    local due, id = read_parked(member)
    ids[n], scores[n] = id or member, digits(due or 0) -- no task has the id of one that cannot be read
  end
end
if #ids == 0 then
  return { {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, 0 }
end
local records, may_follow = values_within(tasks_key, ids, tonumber(weight_arg)), #ids >= tonumber(limit_arg)
local last = last_runs(history_key, ids, MOST_READ)
if #last > 0 and #last < #records then
  records = { unpack(records, 1, #last) }
elseif #last > #records then
  last = { unpack(last, 1, #records) }
end
if #records < #ids then
  may_follow = true
  ids, scores, members = { unpack(ids, 1, #records) }, { unpack(scores, 1, #records) }, { unpack(members, 1, #records) }
end
return {
  ids,
  scores,
  records,
  string.sub(set_key, -6) == 'leased' and call('HMGET', leases_key, unpack(ids)) or {},
  extras_of(attempts_key, ids),
  extras_of(failures_key, ids),
  last,
  extras_of(causes_key, ids),
  extras_of(pauses_key, ids),
  extras_of(errors_key, ids),
  members,
  may_follow and 1 or 0,
}
