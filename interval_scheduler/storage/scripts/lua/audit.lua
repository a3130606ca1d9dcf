-- Check one step of one part of the key space, and repair what is wrong there if asked to.
-- KEYS: tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, pauses, longest, fence
-- ARGV[1] place: string, the name of the key to read, or counts for the counts of groups
-- ARGV[2] cursor: string, where the step before ended; '0' to begin
-- ARGV[3] count: integer, about how many ids to look at; fewer if their values are heavy
-- ARGV[4] mend: 1 to repair, else 0
-- ARGV[5] grace: integer, ms; a lease that ended longer ago is stuck
-- ARGV[6] channel: string, where sleeping schedulers listen
-- Returns: {cursor, '0' at the end; the ids read, of the place tasks only; for each problem that is there, or is left
--   after the repair, three: id; kind; detail}
-- Guarantees: atomic; without mend it changes nothing; a repair takes no task off the schedule; a repaired problem is
--   gone, so that a repeated step changes nothing; every id that exists from the first step to the last is checked.

local mends, before = mend_arg == '1', head(due_key)

-- Find a hash that knows a task without reason: its name, or nil.
local function left_over(found)
  local extras = found.extras
  return extras.errors and not found.dead and 'errors'
    or extras.of and not found.leased and 'of'
    or extras.overdue and not found.due and 'overdue'
    or extras['parked-of'] and 'parked-of'
    or found.failing and (found.dead or not extras.causes) and 'failing'
    or extras.causes and not found.failing and 'causes'
    or extras.history and not match(match(found.record, '^[^\n]*'), ';h%d') and 'history'
    or extras.pauses and (found.due or found.parked) and 'pauses'
    or nil
end

-- Find the first problem of an id: its kind, a detail for people, and the function that repairs it; nil if all is well.
local function judge(found)
  local count = #found.places
  if not found.record then
    local first = found.places[1] or found.lease and 'leases'
    for _, name in ipairs(EXTRAS) do
      first = first or found.extras[name] and name
    end
    first = first or found.tagged and 'the index of its hash tag' or found.failing and 'failing'
    local kind = (count > 0 or found.lease) and 'ghost' or 'leftover'
    return first and kind, 'in ' .. tostring(first) .. ', but there is no such task', forget
  elseif count == 0 then
    return 'orphan', 'neither waiting nor leased, paused or dead', hand_back
  elseif count > 1 then
    return 'double', 'in ' .. table.concat(found.places, ' and '), stay_at_first
  elseif found.leased and not found.lease then
    return 'no-lease', 'leased to nobody', hand_back
  elseif found.lease and not found.leased then
    return 'stray-lease', 'it is ' .. found.places[1] .. ', but has a lease', drop_stray_lease
  elseif found.leased and found.leased < now - tonumber(grace_arg) then
    local ago = format('%.0f', (now - found.leased) / 1000)
    return 'stuck', 'its lease ended ' .. ago .. ' s ago, and nobody took it up', recover
  elseif found.leased and found.leased > latest then
    local ahead = format('%.0f', (found.leased - now) / 1000)
    return 'stuck', 'its lease ends in ' .. ahead .. ' s only', recover
  elseif not found.dead and after_run(found.record, 1, now, now, found.id) == nil and not match(found.record, '^[^\n]*;c') then
    return 'unreadable', 'its record cannot be read', not found.leased and set_aside
  end
  local score = found.due or found.paused or found.dead
  if found.odd then
    return 'garbled', 'in ' .. found.odd .. (found.odd == 'history' and ' is no list of runs' or ' is no count'), set_right
  elseif score and score ~= moment_of(score) then
    return 'garbled', 'the score in ' .. found.places[1] .. ' is no moment', set_right
  elseif found.leased and not tonumber(select(2, read_lease(found.lease)) or '') then
    return 'garbled', 'in leases is no lease', recover
  elseif not found.dead and not is_id(found.id) then
    return 'garbled', BAD_ID, not found.leased and set_aside
  end
  local away = too_far(found)
  if away then
    local seconds = format('%.0f', away / 1000)
    return 'ahead', "it is due in " .. seconds .. " s only, as the server's clock was ahead when it ran", bring_back
  end
  if found.tagged == false then
    return 'not-indexed', 'the index of its hash tag does not have it', add_to_index
  end
  local name = left_over(found)
  return name and 'leftover', 'in ' .. tostring(name) .. ' without reason', name and drop(name)
end

local problems = {}

local function tell(id, kind, detail)
  problems[#problems + 1], problems[#problems + 2], problems[#problems + 3] = id, kind, detail
end

-- Check an id, and repair one problem after another, at most four; report what is left.
local function look_over(id)
  local found = look_up(id)
  local kind, detail, mend = judge(found)
  for _ = 1, mends and 4 or 0 do
    if not kind or not mend then
      break
    end
    mend(found)
    found = look_up(id)
    kind, detail, mend = judge(found)
  end
  if kind then
    tell(id, kind, detail)
  end
end

-- Check a member of the parked set; an id with a record is checked at the place tasks, whatever else has it. One that the
-- hash 'parked-of' does not have belongs to no task.
local function look_over_parked(member)
  local _, id = read_parked(member)
  if id and call('HGET', groups .. 'parked-of', id) == member then
    if call('HEXISTS', tasks_key, id) == 0 then
      look_over(id)
    end
    return
  end
  if mends then
    call('ZREM', groups .. 'parked', member)
  else
    tell(id or member, 'leftover', 'in parked without reason')
  end
end

-- Compare the count of runs of each group with its leased tasks.
local function look_over_counts()
  -- More leased tasks than this would take too long in one step.
  if call('ZCARD', leased_key) > 10000 then
    return
  end
  local leased = {}
  local of = call('HGETALL', groups .. 'of')
  for n = 2, #of, 2 do
    leased[of[n]] = (leased[of[n]] or 0) + 1
  end
  local counts = call('HGETALL', groups .. 'runs')
  for n = 1, #counts, 2 do
    if mends and not whole(counts[n + 1]) then
      call('HSET', groups .. 'runs', counts[n], 0)
      counts[n + 1] = '0'
    end
    leased[counts[n]] = (leased[counts[n]] or 0) - (whole(counts[n + 1]) or LATEST)
  end
  for group, difference in pairs(leased) do
    if difference ~= 0 and mends then
      if (add(groups .. 'runs', group, difference) or 0) <= 0 then
        call('HDEL', groups .. 'runs', group)
      end
      local turns = { names = { group }, of = { [group] = math.max(-difference, 0) } }
      earliest = select(2, give_turns(groups, turns, now, due_key)) and now or earliest
    elseif difference ~= 0 then
      tell(group, 'group-count', 'counts ' .. digits(-difference) .. ' runs more than there are')
    end
  end
end

-- Find groups with parked tasks that have neither a run nor a turn nor a note: nothing lets them go on. A group is found
-- by one search behind the one before, so that its tasks do not count.
local function look_over_backlogs()
  local parked, room = groups .. 'parked', groups .. 'room'
  local step = call('HSCAN', groups .. 'overdue', 0, 'COUNT', 10000)
  if call('EXISTS', parked) == 0 or step[1] ~= '0' then
    return
  end
  local has_turn = {}
  for n = 2, #step[2], 2 do
    has_turn[group_in(step[2][n])] = true
  end
  local first = '-'
  for _ = 1, 1000 do
    local member = call('ZRANGEBYLEX', parked, first, '+', 'LIMIT', 0, 1)[1]
    if not member then
      return
    end
    local group = group_in(member)
    first = '(' .. group .. '\1'
    local goes_on = has_turn[group]
      or call('HEXISTS', groups .. 'runs', group) == 1
      or call('ZSCORE', room, group)
      or call('ZSCORE', groups .. 'refill', group)
    if not goes_on and mends then
      call('ZADD', room, 0, group)
      earliest = now
    elseif not goes_on then
      tell(group, 'group-stands', 'has parked tasks, but no run, turn or note by which they go on')
    end
  end
end

-- Check the index of hash tags; an id with a record is checked at the place tasks.
local function look_over_tags()
  local place, found, without, odd = walk_over_tags(tasks_key, cursor_arg, tonumber(count_arg))
  for _, id in ipairs(found) do
    if call('HEXISTS', tasks_key, id) == 0 then
      look_over(id)
    end
  end
  for _, tag in ipairs(without) do
    local in_use = tags_in_use(tags_of(tasks_key), (generations(tags_of(tasks_key))))
    if mends then
      call('ZREM', in_use, tag)
    else
      tell('{' .. tag .. '}', 'leftover', 'in the hash tags in use, but no task has it')
    end
  end
  for _, pair in ipairs(odd) do
    if mends then
      call('ZREM', pair[1], pair[2])
    else
      tell(pair[2], 'leftover', 'in the key ' .. pair[1] .. ' without reason')
    end
  end
  return place
end

local cursor, ids = '0', {}
if place_arg == 'counts' then
  look_over_counts()
  look_over_backlogs()
elseif place_arg == 'tags' then
  cursor = look_over_tags()
else
  local name = place_arg
  local others = {
    tasks = tasks_key,
    due = due_key,
    leased = leased_key,
    leases = leases_key,
    dead = dead_key,
    paused = paused_key,
    failing = failing_key,
  }
  local key = others[name] or HASHES[name] or groups .. name
  local is_zset = name == 'due' or name == 'leased' or name == 'dead' or name == 'paused' or name == 'parked' or name == 'failing'
  local found = {}
  if is_zset then
    local step = call('ZSCAN', key, cursor_arg, 'COUNT', count_arg)
    cursor = step[1]
    for n = 1, #step[2], 2 do
      found[#found + 1] = step[2][n]
    end
  else
    cursor, found = scan_within(key, cursor_arg, count_arg)
  end
  for _, id in ipairs(found) do
    if name == 'parked' then
      look_over_parked(id)
    elseif name == 'tasks' or call('HEXISTS', tasks_key, id) == 0 then
      ids[#ids + 1] = id
      look_over(id)
    end
  end
end
announce(channel_arg, before, earliest)
return { cursor, place_arg == 'tasks' and ids or {}, problems }
