-- List tasks in the order of one set, a page at a time.
-- KEYS: tasks, leases, attempts, errors, failures
-- KEYS set: sorted set to list: due, leased, paused, dead, or the parked tasks, which wait for room in their group (see
--   _groups.lua)
-- ARGV[1] limit: integer, how many tasks at most
-- ARGV[2] weight: integer, bytes; the records are no heavier in all, or there is one only
-- ARGV[3] score: number, of the last task of the page before; '' for the first page
-- ARGV[4] id: string, of the last task of the page before
-- Returns: {ids; scores; records; leases; failed deliveries or empty; failed runs or empty; errors or empty; of parked
--   tasks the members of the set, or empty: the last one is the id for the next page; 1 if a page may follow, else 0}
-- Guarantees: changes nothing; O(log N) plus the page; a task that keeps its place is listed exactly once.

-- Compare two ids of one score: true if the first comes later. Redis sorts byte by byte; Lua's own comparison would
-- follow the locale.
local function comes_after(one, other)
  for n = 1, math.min(#one, #other) do
    local a, b = string.byte(one, n), string.byte(other, n)
    if a ~= b then
      return a > b
    end
  end
  return #one > #other
end

local first = 0
if score_arg ~= '' then
  -- Find the first id after the given one by binary search among the ids of its score. The given one may be gone.
  first = call('ZCOUNT', set_key, '-inf', '(' .. score_arg)
  local last = call('ZCOUNT', set_key, '-inf', score_arg)
  while first < last do
    local middle = math.floor((first + last) / 2)
    if comes_after(call('ZRANGE', set_key, middle, middle)[1], id_arg) then
      last = middle
    else
      first = middle + 1
    end
  end
end

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
  return { {}, {}, {}, {}, {}, {}, {}, {}, 0 }
end
local records, may_follow = values_within(tasks_key, ids, tonumber(weight_arg)), #ids >= tonumber(limit_arg)
if #records < #ids then
  may_follow = true
  ids, scores, members = { unpack(ids, 1, #records) }, { unpack(scores, 1, #records) }, { unpack(members, 1, #records) }
end
return {
  ids,
  scores,
  records,
  call('HMGET', leases_key, unpack(ids)),
  extras_of(attempts_key, ids),
  extras_of(failures_key, ids),
  extras_of(errors_key, ids),
  members,
  may_follow and 1 or 0,
}
