-- Functions for groups, which the loader puts after those of `_prelude.lua`.
--
-- A group is what tasks of one tenant share, so that a bound on its runs can be kept over all schedulers. Nothing here
-- exists, nor costs more than a look, until a task with a group is assigned. The keys share a prefix, KEYS[n] groups:
--
--   in-use     there once a task with a group was assigned
--   of         hash, id -> group, of the leased tasks
--   runs       hash, group -> how many leased tasks it has
--   parked     zset, all of score 0: group NUL due NUL id, of due tasks whose group has no room
--   parked-of  hash, id -> that member
--   overdue    hash, id -> the same, of tasks that were parked and wait again
--
-- A claim that meets a due task whose group has no room parks it, so that it stands in nobody's way. Each run that ends
-- makes room for the earliest parked one of its group. That waits again from that moment on, behind what was due before:
-- so a group with a long backlog is not always first.

local GROUP = ';g([^;\n]+)'

-- A task that is parked, taken apart: its due time and its id.
local function read_parked(member)
  local _, due, id = match(member, '^([^%z]*)%z(%d+)%z(.*)$')
  return tonumber(due), id
end

-- Put due tasks aside: for each two, its id and what `parked_as` said of it.
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

-- The due times of those of some tasks that stand in one of the hashes, 'parked-of' or 'overdue', by their ids; nil if
-- none does.
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

-- Take tasks out of the parked ones.
local function drop_parked(groups, ids)
  for _, member in ipairs(call('HMGET', groups .. 'parked-of', unpack(ids))) do
    if member then
      call('ZREM', groups .. 'parked', member)
    end
  end
  call('HDEL', groups .. 'parked-of', unpack(ids))
end

-- Claimed tasks join their groups: for each two, its id and its group.
local function join_groups(groups, pairs_of)
  if #pairs_of == 0 then
    return
  end
  call('HSET', groups .. 'of', unpack(pairs_of))
  for n = 2, #pairs_of, 2 do
    call('HINCRBY', groups .. 'runs', pairs_of[n], 1)
  end
end

-- Up to so many parked tasks of a group wait again, from now on: whether any does.
local function unpark(groups, group, count, now, due_key)
  local members =
    call('ZRANGEBYLEX', groups .. 'parked', '[' .. group .. '\0', '(' .. group .. '\1', 'LIMIT', 0, count)
  for _, member in ipairs(members) do
    local _, id = read_parked(member)
    call('ZADD', due_key, digits(now), id)
    call('HSET', groups .. 'overdue', id, member)
    call('ZREM', groups .. 'parked', member)
    call('HDEL', groups .. 'parked-of', id)
  end
  return #members > 0
end

-- Tasks whose lease ended leave their groups, and as many parked ones of each wait again: whether any does.
local function leave_groups(groups, ids, now, due_key)
  local makes_room = false
  for n, group in ipairs(extras_of(groups .. 'of', ids)) do
    if group and call('HDEL', groups .. 'of', ids[n]) == 1 then
      if call('HINCRBY', groups .. 'runs', group, -1) <= 0 then
        call('HDEL', groups .. 'runs', group)
      end
      makes_room = unpark(groups, group, 1, now, due_key) or makes_room
    end
  end
  return makes_room
end

-- Tasks leave the due set without being claimed: the turn of one that was parked goes to the next of its group. Whether
-- any waits by that.
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

-- Sort what a claim found by the room in the groups. Takes ids and due times by turns, and records; returns the same
-- without those that have to be parked, which it parks; the pairs for `join_groups`; and how many each group runs then.
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
    local due, record = overdue[n] and digits(read_parked(overdue[n])) or found[2 * n], records[n]
    local group = record and match(match(record, '^[^\n]*'), GROUP)
    -- The turn of a task whose record was lost or damaged is for the next of its group.
    for _, name in pairs({ group or nil, overdue[n] and match(overdue[n], '^[^%z]*') or nil }) do
      runs[name] = runs[name] or tonumber(call('HGET', groups .. 'runs', name) or 0)
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

-- Let parked tasks wait again where their groups have room after a claim: the limit was raised, or is another one here.
-- To be called when what was claimed has left the due set, by rank.
local function use_room(groups, limit, runs, count, now, due_key)
  if next(runs) and call('EXISTS', groups .. 'parked') == 1 then
    for group, running in pairs(runs) do
      if limit == 0 or running < limit then
        unpark(groups, group, limit == 0 and count or math.min(limit - running, count), now, due_key)
      end
    end
  end
end
