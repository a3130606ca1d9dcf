-- Functions for groups, which the loader puts after those of `_recurrence.lua`.
--
-- Tasks of one tenant share a group, so that all schedulers together can keep a limit on its runs. Until a task with a
-- group is assigned, none of these keys exists, and each function costs one look. The keys share the prefix `groups`:
--
--   in-use     string, exists after a task with a group was assigned
--   of         hash, id -> group, of the leased tasks
--   runs       hash, group -> number of its leased tasks
--   parked     sorted set, all of score 0: group NUL due NUL id, of due tasks whose group has no room
--   parked-of  hash, id -> that member
--   overdue    hash, id -> the same, of tasks that were parked and have a turn: they wait again
--   room       sorted set, group -> the limit under which it has room for parked tasks, since the turns of a script were
--              used up; 0: under any limit, since its runs ended, or a quota was changed
--
-- `_quotas.lua` tells the keys of rates and of bounds that are kept in Redis.
--
-- A claim parks a due task whose group has no room, and looks past it. Each run that ends gives the earliest parked task
-- of its group a turn: the task waits again from that moment on, behind the tasks that were due before. So a group with
-- a long backlog is not always first. Who has a turn and does not run in its group leaves the turn to the next.
-- In a group with a rate, a task with a turn waits as it is due, ahead of all that is due later: the rate already bounds
-- what the group takes from others, and a token that waits is one that is lost.
--
--   a task            claim, its group has room                        end of the run
--           due ──────────────────────────────────▶ leased ────────────────────────────▶ due, gone, dead or paused
--           ▲ │ claim, no room                                 and one turn for the group
--      turn │ ▼
--          parked
--
--   a group           a task is parked               there was room for more tasks than a script had turns
--           no backlog ──────────────▶ backlog ──────────────────────────────────────▶ backlog, noted in 'room'
--               ▲                       │   ▲                                             │
--               └──── none is parked ───┘   └───── a claim gave turns for all of its room ┘
--
-- So a group with a backlog has a leased task, a turn or a note, and goes on. A group whose rate has no token gets no
-- turn,
-- but a note in 'refill', from when it has one. A note carries the rest of the work over:
-- many runs ended at once, or the limit was raised or dropped, which lets thousands go on. The next claim goes on there
-- if
-- it has that limit or a wider one. A claim with a narrower limit leaves the note alone: so two schedulers of which one
-- has an older limit do not undo what the other does. While both are there, the wider one holds.
--
-- Bound of work: no script gives more than `turns_left` turns, and each command takes all tasks at once. Otherwise the
-- work grows with the tasks that the script is called for. `_room.lua` has the bounds of a claim.

-- The turns that this script may still give.
local turns_left = 75

local GROUP = ';g([^;\n%z]+)'

-- Take the member of a parked task apart: its due time and its id; nil if the text is no such member.
local function read_parked(member)
  local _, due, id = match(member, '^([^%z]*)%z(%d+)%z(.*)$')
  due = moment_of(whole(due))
  return due, due and id
end

-- Read from the hash 'parked-of' or 'overdue' the due times of those tasks that it has: a table by id, nil if it has
-- none.
local function dues_in(groups, name, ids)
  local dues
  for n, member in ipairs(extras_of(groups .. name, ids)) do
    if member then
      dues = dues or {}
      dues[ids[n]] = read_parked(member)
    end
  end
  return dues
end

-- Delete tasks from the parked ones.
local function drop_parked(groups, ids)
  local members = {}
  for _, member in ipairs(extras_of(groups .. 'parked-of', ids)) do
    members[#members + 1] = member or nil
  end
  if #members > 0 then
    call('ZREM', groups .. 'parked', unpack(members))
    call('HDEL', groups .. 'parked-of', unpack(ids))
  end
end

-- A count of tasks by group, and the groups in the order in which they came.
local function new_tally()
  return { names = {}, of = {} }
end

local function tally(counts, group)
  if not counts.of[group] then
    counts.of[group] = 0
    counts.names[#counts.names + 1] = group
  end
  counts.of[group] = counts.of[group] + 1
end

-- Add to the number of runs of each group in a tally, or take from it. What stands there and is no count begins anew.
local function change_runs(groups, counts, sign)
  if #counts.names == 0 then
    return
  end
  local over, anew = {}, {}
  for n, runs in ipairs(call('HMGET', groups .. 'runs', unpack(counts.names))) do
    local group = counts.names[n]
    local sum = (whole(runs) or 0) + sign * counts.of[group]
    if sum <= 0 then
      over[#over + 1] = group
    else
      anew[#anew + 1], anew[#anew + 2] = group, digits(sum)
    end
  end
  if #over > 0 then
    call('HDEL', groups .. 'runs', unpack(over))
  end
  if #anew > 0 then
    call('HSET', groups .. 'runs', unpack(anew))
  end
end

-- Add claimed tasks to their groups. Takes two values for each: its id and its group.
local function join_groups(groups, pairs_of)
  if #pairs_of == 0 then
    return
  end
  call('HSET', groups .. 'of', unpack(pairs_of))
  local counts = new_tally()
  for n = 2, #pairs_of, 2 do
    tally(counts, pairs_of[n])
  end
  change_runs(groups, counts, 1)
end

-- List up to `count` parked tasks of a group, the earliest first: their ids and their members. A member that cannot be
-- read belongs to no task, and is deleted.
local function earliest_parked(groups, group, count)
  local key, first, last = groups .. 'parked', '[' .. group .. '\0', '(' .. group .. '\1'
  for _ = 1, 8 do -- whoever writes more garbage than that stops this group only
    local ids, members, odd = {}, call('ZRANGEBYLEX', key, first, last, 'LIMIT', 0, count), {}
    for n, member in ipairs(members) do
      local _, id = read_parked(member)
      ids[n] = id
      odd[#odd + 1] = not id and member or nil
    end
    if #odd == 0 then
      return ids, members
    end
    call('ZREM', key, unpack(odd))
  end
  return {}, {}
end

-- Give turns: let the earliest parked tasks of each group in a tally wait again, due now, or as they are due if the group
-- has a rate. A group for which no turn is left in this script, or for which there is no token, is noted. Returns how
-- many each group had, by name, and true if
-- there was one, or is to be one.
local function give_turns(groups, counts, now, due_key)
  local given, dues, overdue, ids, members, owed = {}, {}, {}, {}, {}, {}
  if #counts.names == 0 or call('EXISTS', groups .. 'parked') == 0 then
    return given, false
  end
  local since, has_rates, is_noted = digits(now), call('EXISTS', groups .. 'rates') == 1, false
  for _, group in ipairs(counts.names) do
    local wanted, is_rated = counts.of[group], false
    if has_rates and wanted > 0 then
      local tokens, is_new = quota_functions().turns_by_rate(groups, group, now)
      wanted, is_noted, is_rated = math.min(wanted, tokens or wanted), is_noted or is_new, tokens ~= nil
    end
    local most, found, found_members = math.min(wanted, turns_left), {}, {}
    if most > 0 then
      found, found_members = earliest_parked(groups, group, most)
    end
    if most < wanted then
      owed[#owed + 1], owed[#owed + 2] = 0, group
    end
    given[group], turns_left = #found, turns_left - #found
    for n, id in ipairs(found) do
      ids[#ids + 1], members[#members + 1] = id, found_members[n]
      dues[#dues + 1], dues[#dues + 2] = is_rated and digits(read_parked(found_members[n])) or since, id
      overdue[#overdue + 1], overdue[#overdue + 2] = id, found_members[n]
    end
  end
  if #ids > 0 then
    call('ZADD', due_key, unpack(dues))
    call('HSET', groups .. 'overdue', unpack(overdue))
  end
  if #owed > 0 then
    call('ZADD', groups .. 'room', unpack(owed))
  end
  if #ids > 0 then
    call('ZREM', groups .. 'parked', unpack(members))
    call('HDEL', groups .. 'parked-of', unpack(ids))
  end
  return given, #ids > 0 or #owed > 0 or is_noted
end

-- Find the group in a member of a parked task.
local function group_in(member)
  return match(member, '^[^%z]*')
end

-- Delete those of some ids that the hash 'of' or 'overdue' has. Returns the tally of their groups.
local function take_out(groups, name, ids)
  local counts, had, seen = new_tally(), {}, {}
  for n, value in ipairs(extras_of(groups .. name, ids)) do
    local id = ids[n]
    if value and not seen[id] then
      seen[id] = true
      had[#had + 1] = id
      tally(counts, group_in(value))
    end
  end
  if #had > 0 then
    call('HDEL', groups .. name, unpack(had))
  end
  return counts
end

-- Take tasks whose lease ended out of their groups. For each, one parked task of the group has a turn. Returns true if
-- there was one.
local function leave_groups(groups, ids, now, due_key)
  local counts = take_out(groups, 'of', ids)
  change_runs(groups, counts, -1)
  return select(2, give_turns(groups, counts, now, due_key))
end

-- Pass turns on, for tasks that leave the due set without a claim: if one of them had a turn, the next parked task of its
-- group has it. Returns true if there was one.
local function give_up_turns(groups, ids, now, due_key)
  return select(2, give_turns(groups, take_out(groups, 'overdue', ids), now, due_key))
end

local function unlink_groups(groups)
  for _, name in ipairs({ 'in-use', 'of', 'runs', 'parked', 'parked-of', 'overdue', 'room', 'refill' }) do
    call('UNLINK', groups .. name)
  end
end
