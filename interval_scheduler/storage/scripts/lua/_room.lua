-- Functions by which a claim keeps to the room in the groups of its tasks; they stand before the scripts that claim, and
-- `_groups.lua` tells how groups go on.

-- The bound of a claim while groups are in use: its work, of which an ended lease and a task of a group take more than
-- another task, so that it looks at 500 tasks without a group, or at 150 of groups; and the groups in 'room' that it looks at.
local WORK, GROUPED, PLAIN, NOTED = 1500, 10, 3, 50
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

-- A tally of the groups that a claim touches: how many runs each has after this claim, its bound, and its bucket.
local function new_touched()
  return { names = {}, of = {}, caps = {}, buckets = {} }
end

local function touch(groups, touched, group, limits, now)
  if not touched.of[group] then
    touched.of[group] = whole(call('HGET', groups .. 'runs', group)) or 0
    touched.names[#touched.names + 1] = group
    touched.caps[group] = cap_of(limits.caps, group)
    touched.buckets[group] = limits.has_rates and limits.quotas.group_bucket(groups, group, now) or nil
  end
end

-- Write the buckets of touched groups down.
local function keep_buckets(groups, limits, touched, now)
  local changed = {}
  for group, bucket in pairs(limits.has_rates and touched.buckets or {}) do
    if bucket.is_changed then
      changed[#changed + 1], changed[#changed + 2] = group, limits.quotas.bucket_text(bucket, now)
    end
  end
  if #changed > 0 then
    call('HSET', groups .. 'buckets', unpack(changed))
  end
end

-- Sort the tasks of a claim by the room in their groups, and by the tokens of these: park those without, and look past them.
-- Takes the limits of the claim; a list of ids and due times, id first; a list of records; how many tasks the claim wants
-- at most; how heavy their records may be, in bytes; how many leases it ended; and the work for a task of a group, if it is
-- not GROUPED. Returns a table: `found` and `records`, without the parked tasks; `size`, the bytes of all records; `parked`, the ids of the parked tasks; `looked`, how many of the first due tasks are in either;
-- `joining`, for `join_groups`; `touched`, the runs of each group after this claim.
local function by_room(groups, due_key, tasks_key, now, limits, found, records, most, weight, ended, grouped)
  local sorted = { found = found, records = records, parked = {}, looked = #records, joining = {}, touched = { names = {} } }
  if limits.is_plain or call('EXISTS', groups .. 'in-use') == 0 then
    return sorted
  end
  sorted.touched = new_touched()
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
        touch(groups, touched, group, limits, now)
      end
      if overdue[n] then
        -- If the record of a task with a turn was lost or damaged, its turn goes to the next task of the group.
        touch(groups, touched, group_in(overdue[n]), limits, now)
        used[#used + 1] = id
      end
      local bucket = group and touched.buckets[group]
      if group and (touched.of[group] >= touched.caps[group] or bucket and limits.quotas.tokens_in(bucket) < 1) then
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
          if bucket then
            limits.quotas.spend(bucket, 1)
          end
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

-- Find groups in 'room' on which a claim may go on. A note holds for the bound under which it was made and for wider ones;
-- bounds that are kept here are the same for all, so there each note holds.
local function noted_in_room(groups, caps)
  local found, names = call('ZRANGE', groups .. 'room', '-inf', digits(caps.most), 'BYSCORE', 'LIMIT', 0, NOTED, 'WITHSCORES'), {}
  for n = 1, #found, 2 do
    if not caps.of or caps.key or tonumber(found[n + 1]) <= cap_of(caps, found[n]) then
      names[#names + 1] = found[n]
    end
  end
  return names
end

-- Tell if a group is noted for a claim with some limits, and some task is parked.
local function is_any_noted(groups, limits, now)
  if limits.is_plain or call('EXISTS', groups .. 'parked') == 0 then
    return false
  end
  local caps, refill = limits.caps, limits.has_rates and head(groups .. 'refill')
  if refill and refill <= now then
    return true
  elseif caps.of and not caps.key then
    return #noted_in_room(groups, caps) > 0
  end
  return call('ZCOUNT', groups .. 'room', '-inf', digits(caps.most)) > 0
end

-- Give turns where groups have room after a claim: the limit was raised, or this scheduler has a higher one, or there is a
-- token again. Groups in 'room' come first, then those in 'refill' whose time has come, then those that the claim touched;
-- each has an equal share of the turns, and what is left is noted. Returns true if something is left.
-- The claimed tasks must have left the due set before, since a claim deletes them from there by rank.
local function use_room(groups, limits, touched, now, due_key)
  if limits.is_plain then
    return false
  end
  local room, refill = groups .. 'room', groups .. 'refill'
  if call('EXISTS', groups .. 'parked') == 0 then
    if #touched.names > 0 then
      call('UNLINK', room)
    end
    if limits.has_rates then
      call('UNLINK', refill)
    end
    return false
  end
  local is_noted, open, wanted, done, rest, ready, later = {}, new_touched(), new_tally(), {}, {}, {}, {}
  for _, group in ipairs(noted_in_room(groups, limits.caps)) do
    is_noted[group] = true
    touch(groups, open, group, limits, now)
  end
  if limits.has_rates then
    ready = call('ZRANGE', refill, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, NOTED)
    for _, group in ipairs(ready) do
      touch(groups, open, group, limits, now)
    end
  end
  for _, group in ipairs(touched.names) do
    if not open.of[group] then
      open.names[#open.names + 1] = group
      open.of[group], open.caps[group], open.buckets[group] = touched.of[group], touched.caps[group], touched.buckets[group]
    end
  end
  local names, free = {}, {}
  for _, group in ipairs(open.names) do
    local bucket = open.buckets[group]
    local places, tokens = open.caps[group] - open.of[group], bucket and limits.quotas.tokens_in(bucket) or ANY
    if places > 0 and tokens > 0 then
      names[#names + 1] = group
      free[group] = math.min(places, tokens)
    elseif is_noted[group] then
      done[#done + 1] = group
    end
    if places > 0 and tokens < 1 and limits.quotas.is_any_parked(groups, group) then
      later[#later + 1], later[#later + 2] = digits(now + limits.quotas.ready_in(bucket, 1)), group
    end
  end
  local left = math.min(limits.wanted, turns_left)
  local share = math.ceil(left / math.max(#names, 1))
  for _, group in ipairs(names) do
    wanted.names[#wanted.names + 1] = group
    wanted.of[group] = math.min(free[group], share, left)
    left = left - wanted.of[group]
  end
  local given = give_turns(groups, wanted, now, due_key)
  for _, group in ipairs(names) do
    if given[group] == wanted.of[group] and wanted.of[group] < free[group] then
      -- A group that has neither a run nor a turn waits for any claim, whatever its limit.
      rest[#rest + 1] = (open.of[group] > 0 or given[group] > 0) and open.caps[group] or 0
      rest[#rest + 1] = group
    elseif is_noted[group] then
      done[#done + 1] = group
    end
  end
  if #rest > 0 then
    call('ZADD', room, unpack(rest))
  end
  if #later > 0 then
    call('ZADD', refill, unpack(later))
    for n = 2, #later, 2 do
      is_noted[later[n]] = 'later'
    end
  end
  if #done > 0 then
    call('ZREM', room, unpack(done))
  end
  local over = {}
  for _, group in ipairs(ready) do
    over[#over + 1] = is_noted[group] ~= 'later' and group or nil
  end
  if #over > 0 then
    call('ZREM', refill, unpack(over))
  end
  return is_any_noted(groups, limits, now)
end

-- Give turns to groups that have tokens again, before a claim takes what is due, so that it takes their tasks too.
local function use_refill(groups, limits, now, due_key)
  local refill = limits.has_rates and not limits.is_paused and head(groups .. 'refill')
  if refill and refill <= now then
    use_room(groups, limits, { names = {} }, now, due_key)
  end
end
