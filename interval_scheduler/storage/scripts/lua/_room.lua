-- Functions by which a claim keeps to the room in the groups of its tasks; they stand before the scripts that claim, and
-- `_groups.lua` tells how groups go on.

-- The bound of a claim while groups are in use: its work, of which an ended lease and a task of a group take more than
-- another task, so that it looks at 500 tasks without a group, or at 150 of groups; and the groups in 'room' that it looks at.
local WORK, GROUPED, PLAIN, NOTED = 1500, 10, 3, 50
-- The score in 'room' of a scheduler without a limit.
local ANY = 1000000

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
  return group .. '\0' .. format('%016.0f', moment_of(due)) .. '\0' .. id
end

-- Find some more due tasks, from a place in the due set on. Returns a list of ids and due times, id first; and the records
-- of the first of them, up to `most` bytes, or one.
local function more_due(first, count, most, now, due_key, tasks_key)
  local found = call('ZRANGE', due_key, '-inf', digits(now), 'BYSCORE', 'LIMIT', first, count, 'WITHSCORES')
  return found, values_within(tasks_key, ids_of(found), most)
end

-- Note in a tally of the touched groups how many runs a group has after this claim.
local function touch(groups, touched, group)
  if not touched.of[group] then
    touched.of[group] = whole(call('HGET', groups .. 'runs', group)) or 0
    touched.names[#touched.names + 1] = group
  end
end

-- Sort the tasks of a claim by the room in their groups: park those without room, and look past them. Takes the
-- limit of a group; a list of ids and due times, id first; a list of records; how many tasks the claim wants at most; how
-- heavy their records may be, in bytes; how many leases it ended; and the work for a task of a group, if it is not GROUPED. Returns a table: `found` and `records`, without the parked tasks; `size`,
-- the bytes of all records; `parked`, the ids of the parked tasks; `looked`, how many of the first due tasks are in either;
-- `joining`, for `join_groups`; `touched`, the runs of each group after this claim.
local function by_room(groups, due_key, tasks_key, now, limit, found, records, most, weight, ended, grouped)
  local sorted = { found = found, records = records, parked = {}, looked = #records, joining = {}, touched = new_tally() }
  if call('EXISTS', groups .. 'in-use') == 0 then
    return sorted
  end
  local touched, joining, parked, parking = sorted.touched, sorted.joining, sorted.parked, {}
  local kept, kept_records, count, looked, size, asked = {}, {}, 0, 0, 0, most
  local work = 5 * ended
  grouped = grouped or GROUPED
  while true do
    local ids, used = { unpack(ids_of(found), 1, #records) }, {}
    local overdue = extras_of(groups .. 'overdue', ids)
    for n, id in ipairs(ids) do
      if count == most or work >= WORK and looked > 0 then -- one in any case, so that a claim makes progress
        break
      end
      looked = looked + 1
      local since = overdue[n] and read_parked(overdue[n])
      local due, record = since and digits(since) or found[2 * n], records[n]
      local group = record and match(match(record, '^[^\n]*'), GROUP)
      size = size + #(record or '')
      work = work + (group and grouped or PLAIN)
      if group then
        touch(groups, touched, group)
      end
      if overdue[n] then
        -- If the record of a task with a turn was lost or damaged, its turn goes to the next task of the group.
        touch(groups, touched, group_in(overdue[n]))
        used[#used + 1] = id
      end
      if group and limit > 0 and touched.of[group] >= limit then
        parked[#parked + 1] = id
        parking[#parking + 1] = id
        parking[#parking + 1] = parked_as(group, due, id)
      else
        count = count + 1
        kept[2 * count - 1], kept[2 * count] = id, due
        kept_records[count] = record
        if group then
          touched.of[group] = touched.of[group] + 1
          joining[#joining + 1] = id
          joining[#joining + 1] = group
        end
      end
    end
    if #used > 0 then
      call('HDEL', groups .. 'overdue', unpack(used))
    end
    if count == most or #ids < asked or work >= WORK or size >= weight then
      break
    end
    asked = math.min(2 * asked, math.ceil((WORK - work) / PLAIN)) -- twice as many, so that few are read in vain
    found, records = more_due(looked, asked, weight - size, now, due_key, tasks_key)
    if count > 0 and size + #(records[1] or '') > weight then -- the first is read in any case
      break
    end
  end
  if #parking > 0 then
    park(groups, parking)
  end
  sorted.found, sorted.records, sorted.looked, sorted.size = kept, kept_records, looked, size
  return sorted
end

-- Tell if a group is noted for claims of a limit, and some task is parked.
local function is_any_noted(groups, limit, halt_key)
  return call('EXISTS', groups .. 'parked') == 1
    and not (halt_key and call('EXISTS', halt_key) == 1)
    and call('ZCOUNT', groups .. 'room', '-inf', digits(limit > 0 and limit or ANY)) > 0
end

-- Give turns where groups have room after a claim: the limit was raised, or this scheduler has a higher one. Groups in
-- 'room' come first, then those that the claim touched; each has an equal share of the turns, and what is left is noted.
-- Returns true if something is left.
-- The claimed tasks must have left the due set before, since a claim deletes them from there by rank.
local function use_room(groups, limit, touched, most, now, due_key)
  local room, is_noted, open, wanted = groups .. 'room', {}, new_tally(), new_tally()
  if call('EXISTS', groups .. 'parked') == 0 then
    if #touched.names > 0 then
      call('UNLINK', room)
    end
    return false
  end
  local cap, done, rest = limit > 0 and limit or ANY, {}, {}
  for _, group in ipairs(call('ZRANGE', room, '-inf', digits(cap), 'BYSCORE', 'LIMIT', 0, NOTED)) do
    is_noted[group] = true
    touch(groups, open, group)
  end
  for _, group in ipairs(touched.names) do
    if not is_noted[group] then
      open.names[#open.names + 1] = group
      open.of[group] = touched.of[group]
    end
  end
  local names = {}
  for _, group in ipairs(open.names) do
    if open.of[group] < cap then
      names[#names + 1] = group
    elseif is_noted[group] then
      done[#done + 1] = group
    end
  end
  local left = math.min(most, turns_left)
  local share = math.ceil(left / math.max(#names, 1))
  for _, group in ipairs(names) do
    wanted.names[#wanted.names + 1] = group
    wanted.of[group] = math.min(cap - open.of[group], share, left)
    left = left - wanted.of[group]
  end
  local given = give_turns(groups, wanted, now, due_key)
  for _, group in ipairs(names) do
    if given[group] == wanted.of[group] and wanted.of[group] < cap - open.of[group] then
      -- A group that has neither a run nor a turn waits for any claim, whatever its limit.
      rest[#rest + 1] = (open.of[group] > 0 or given[group] > 0) and cap or 0
      rest[#rest + 1] = group
    elseif is_noted[group] then
      done[#done + 1] = group
    end
  end
  if #rest > 0 then
    call('ZADD', room, unpack(rest))
  end
  if #done > 0 then
    call('ZREM', room, unpack(done))
  end
  return is_any_noted(groups, limit)
end
