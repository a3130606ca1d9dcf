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
--   overdue    hash, id -> the same, of tasks that were parked and wait again
--
-- A claim parks a due task whose group has no room, so that the task does not block others. Each run that ends makes
-- room for the earliest parked task of its group. This task waits again from that moment on, behind the tasks that were
-- due before: so a group with a long backlog is not always first.

local GROUP = ';g([^;\n%z]+)'

-- Take the member of a parked task apart: its due time and its id; nil if the text is no such member.
local function read_parked(member)
  local _, due, id = match(member, '^([^%z]*)%z(%d+)%z(.*)$')
  due = moment_of(whole(due))
  return due, due and id
end

-- Park due tasks. Takes two values for each: its id, and its member from `parked_as`.
local function park(groups, pairs_of)
  local members = {}
  for n = 2, #pairs_of, 2 do
    members[#members + 1] = 0
    members[#members + 1] = pairs_of[n]
  end
  call('ZADD', groups .. 'parked', unpack(members))
  call('HSET', groups .. 'parked-of', unpack(pairs_of))
end

local function parked_as(group, due, id)
  return group .. '\0' .. format('%016.0f', due) .. '\0' .. id
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
  for _, member in ipairs(call('HMGET', groups .. 'parked-of', unpack(ids))) do
    if member then
      call('ZREM', groups .. 'parked', member)
    end
  end
  call('HDEL', groups .. 'parked-of', unpack(ids))
end

-- Add claimed tasks to their groups. Takes two values for each: its id and its group.
local function join_groups(groups, pairs_of)
  if #pairs_of == 0 then
    return
  end
  call('HSET', groups .. 'of', unpack(pairs_of))
  for n = 2, #pairs_of, 2 do
    if (add(groups .. 'runs', pairs_of[n], 1) or 0) < 1 then
      call('HSET', groups .. 'runs', pairs_of[n], 1)
    end
  end
end

-- Let up to `count` parked tasks of a group wait again, due now. Returns true if there was one.
local function unpark(groups, group, count, now, due_key)
  local members =
    call('ZRANGEBYLEX', groups .. 'parked', '[' .. group .. '\0', '(' .. group .. '\1', 'LIMIT', 0, count)
  for _, member in ipairs(members) do
    local _, id = read_parked(member)
    if id then
      call('ZADD', due_key, digits(now), id)
      call('HSET', groups .. 'overdue', id, member)
    end
    call('ZREM', groups .. 'parked', member) -- one that cannot be read belongs to no task
    if id then
      call('HDEL', groups .. 'parked-of', id)
    end
  end
  return #members > 0
end

-- Take tasks whose lease ended out of their groups. For each, one parked task of the group waits again. Returns true if
-- there was one.
local function leave_groups(groups, ids, now, due_key)
  local makes_room = false
  for n, group in ipairs(extras_of(groups .. 'of', ids)) do
    if group and call('HDEL', groups .. 'of', ids[n]) == 1 then
      if (add(groups .. 'runs', group, -1) or 0) <= 0 then
        call('HDEL', groups .. 'runs', group)
      end
      makes_room = unpark(groups, group, 1, now, due_key) or makes_room
    end
  end
  return makes_room
end

-- Pass turns on, for tasks that leave the due set without a claim: if one of them was parked before, the next parked
-- task of its group waits in its place. Returns true if there was one.
local function give_up_turns(groups, ids, now, due_key)
  local makes_room = false
  for n, member in ipairs(extras_of(groups .. 'overdue', ids)) do
    if member and call('HDEL', groups .. 'overdue', ids[n]) == 1 then
      makes_room = unpark(groups, match(member, '^[^%z]*'), 1, now, due_key) or makes_room
    end
  end
  return makes_room
end

local function unlink_groups(groups)
  for _, name in ipairs({ 'in-use', 'of', 'runs', 'parked', 'parked-of', 'overdue' }) do
    call('UNLINK', groups .. name)
  end
end

-- Sort the tasks of a claim by the room in their groups, and park those without room. Takes a list of ids and due
-- times, id first, and a list of records. Returns both lists without the parked tasks; the list for `join_groups`; and
-- the number of runs of each group after this claim.
local function by_room(groups, limit, found, records)
  if call('EXISTS', groups .. 'in-use') == 0 then
    return found, records, {}, {}
  end
  local ids = {}
  for n = 1, #records do
    ids[n] = found[2 * n - 1]
  end
  local overdue = extras_of(groups .. 'overdue', ids)
  if #overdue > 0 then
    call('HDEL', groups .. 'overdue', unpack(ids))
  end
  local runs, kept, kept_records, joining, parking = {}, {}, {}, {}, {}
  for n, id in ipairs(ids) do
    local since = overdue[n] and read_parked(overdue[n])
    local due, record = since and digits(since) or found[2 * n], records[n]
    local group = record and match(match(record, '^[^\n]*'), GROUP)
    -- If the record of an unparked task was lost or damaged, its turn goes to the next task of the group.
    for _, name in pairs({ group or nil, overdue[n] and match(overdue[n], '^[^%z]*') or nil }) do
      runs[name] = runs[name] or whole(call('HGET', groups .. 'runs', name)) or 0
    end
    if group and limit > 0 and runs[group] >= limit then
      parking[#parking + 1] = id
      parking[#parking + 1] = parked_as(group, due, id)
    else
      kept[#kept + 1], kept[#kept + 2] = id, due
      kept_records[#kept_records + 1] = record
      if group then
        runs[group] = runs[group] + 1
        joining[#joining + 1] = id
        joining[#joining + 1] = group
      end
    end
  end
  if #parking > 0 then
    park(groups, parking)
  end
  return kept, kept_records, joining, runs
end

-- Let parked tasks wait again where their groups have room after a claim: the limit was raised, or this scheduler has a
-- higher one. The claimed tasks must have left the due set before, since a claim deletes them from there by rank.
local function use_room(groups, limit, runs, count, now, due_key)
  if next(runs) and call('EXISTS', groups .. 'parked') == 1 then
    for group, running in pairs(runs) do
      if limit == 0 or running < limit then
        unpark(groups, group, limit == 0 and count or math.min(limit - running, count), now, due_key)
      end
    end
  end
end
