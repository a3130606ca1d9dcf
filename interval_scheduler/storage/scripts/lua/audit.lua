-- Check one step of one part of the key space, and repair what is wrong there if asked to.
-- KEYS: tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, groups, longest, fence
-- ARGV[1] place: string, the name of the key to read, or counts for the counts of groups
-- ARGV[2] cursor: string, where the step before ended; '0' to begin
-- ARGV[3] count: integer, about how many ids to look at
-- ARGV[4] mend: 1 to repair, else 0
-- ARGV[5] grace: integer, ms; a lease that ended longer ago is stuck
-- ARGV[6] channel: string, where sleeping schedulers listen
-- Returns: {cursor, '0' at the end; the ids read, of the place tasks only; for each problem that is there, or is left
--   after the repair, three: id; kind; detail}
-- Guarantees: atomic; without mend it changes nothing; a repair takes no task off the schedule; a repaired problem is
--   gone, so that a repeated step changes nothing; every id that exists from the first step to the last is checked.

local now = now_ms()
local groups, mends = groups_key, mend_arg == '1'
local before = head(due_key)
-- A lease that ends later than this is stuck. The leases of all schedulers count, and not those of the one that audits.
local latest = now + math.max(3600000, 10 * longest_lease(longest_key))
local earliest
local HASHES = {
  attempts = attempts_key,
  errors = errors_key,
  runs = runs_key,
  failures = failures_key,
  of = groups .. 'of',
  overdue = groups .. 'overdue',
  ['parked-of'] = groups .. 'parked-of',
}
-- The hashes that may know a task beside its record and its place, in the order of the report.
local EXTRAS = { 'attempts', 'errors', 'runs', 'failures', 'of', 'overdue', 'parked-of' }
-- Those of them that are counts.
local COUNTS = { 'attempts', 'runs', 'failures' }
-- The places of a task. One that is at several places stays at the first of them.
local PLACES = { 'leased', 'due', 'parked', 'paused', 'dead' }

local BAD_ID = 'the id is no UTF-8, or too long'

local function wait_until(id, moment)
  call('ZADD', due_key, digits(moment), id)
  earliest = earliest and math.min(earliest, moment) or moment
end

-- Read all that the key space has of an id.
local function look_up(id)
  local found = {
    id = id,
    record = call('HGET', tasks_key, id),
    due = tonumber(call('ZSCORE', due_key, id)),
    leased = tonumber(call('ZSCORE', leased_key, id)),
    lease = call('HGET', leases_key, id) or nil,
    dead = tonumber(call('ZSCORE', dead_key, id)),
    paused = tonumber(call('ZSCORE', paused_key, id)),
    odd = nil,
    extras = {},
    places = {},
  }
  for _, name in ipairs(EXTRAS) do
    found.extras[name] = call('HGET', HASHES[name], id) or nil
  end
  local member = found.extras['parked-of']
  if member and call('ZSCORE', groups .. 'parked', member) then
    found.parked = read_parked(member)
    found.extras['parked-of'] = nil
  end
  for _, name in ipairs(COUNTS) do
    if found.extras[name] and not whole(found.extras[name]) then
      found.odd = name
    end
  end
  for _, name in ipairs(PLACES) do
    if found[name] then
      found.places[#found.places + 1] = name
    end
  end
  return found
end

-- The last moment at which a claim was made, by the clock of the server then, in ms. It is in the future if that clock
-- was ahead, and stays there: tokens of claims increase.
local last_claim = math.floor(tonumber(last_token(fence_key)) / 1000)
local MINUTE, HOUR, DAY = 60000, 3600000, 86400000

-- Find out if a task waits for a moment that was reckoned from a clock that was ahead: it has run since it was assigned,
-- so that its next time can be no more than one interval from now, or the longest back-off of a further attempt. Only
-- what was due about when that clock showed its last claim is meant: a start that is as far away was asked for.
-- Returns by how many ms it is too far away; nil if it is not.
local function too_far(found)
  local due = found.due or found.paused
  if not due or last_claim < now + MINUTE or due < last_claim - DAY then
    return nil
  end
  local header = match(found.record, '^[^\n]*')
  local flags, interval = read_header(match(header, '^[^;]*'))
  local most = interval and tonumber(interval) or match(header, ';c') and 366 * DAY or found.extras.attempts and HOUR
  local least = match(header, ';c') and 0 or most
  if not flags or not most or due <= now + least + MINUTE or due > last_claim + most + HOUR then
    return nil
  end
  return due - now
end

-- Each of the following functions takes what `look_up` found of an id, and repairs one kind of problem.

local function forget(found)
  local id = found.id
  delete_members({ id }, { due_key, leased_key, dead_key, paused_key })
  delete_fields({ id }, { leases_key, attempts_key, errors_key, runs_key, failures_key })
  drop_parked(groups, { id })
  if give_up_turns(groups, { id }, now, due_key) or leave_groups(groups, { id }, now, due_key) then
    earliest = now
  end
end

local function hand_back(found)
  local moment, is_paused = due_again(found.lease, now)
  if is_paused then
    call('ZADD', paused_key, digits(moment), found.id)
  else
    wait_until(found.id, moment)
  end
  if end_leases({ found.id }, now, due_key, leased_key, leases_key, groups) then
    earliest = now
  end
end

local function stay_at_first(found)
  local kept = found.places[1]
  if kept == 'leased' and not found.lease then
    kept = found.places[2]
  end
  local id = found.id
  if kept ~= 'due' and found.due then
    call('ZREM', due_key, id)
    give_up_turns(groups, { id }, now, due_key)
  end
  if kept ~= 'parked' and found.parked then
    drop_parked(groups, { id })
  end
  if kept ~= 'paused' then
    call('ZREM', paused_key, id)
  end
  if kept ~= 'dead' then
    call('ZREM', dead_key, id)
    call('HDEL', errors_key, id)
  end
  if kept ~= 'leased' then
    call('ZREM', leased_key, id)
    call('HDEL', leases_key, id)
    leave_groups(groups, { id }, now, due_key)
  end
end

local function set_aside(found)
  call('ZADD', dead_key, digits(now), found.id)
  call('HSET', errors_key, found.id, '1 ' .. (is_id(found.id) and 'the record is corrupt' or BAD_ID))
  call('ZREM', due_key, found.id)
  call('ZREM', paused_key, found.id)
  drop_parked(groups, { found.id })
  give_up_turns(groups, { found.id }, now, due_key)
end

local function recover(found)
  count_attempts(attempts_key, { found.id })
  hand_back(found)
end

local function set_right(found)
  local id = found.id
  if found.odd then
    call('HDEL', HASHES[found.odd], id)
  elseif found.due then
    wait_until(id, moment_of(found.due) == LATEST and now or moment_of(found.due))
  elseif found.paused then
    call('ZADD', paused_key, digits(moment_of(found.paused) == LATEST and now or moment_of(found.paused)), id)
  else
    call('ZADD', dead_key, digits(now), id)
  end
end

local function bring_back(found)
  local flags, interval, phase, grid = read_header(match(found.record, '^[^;\n]*'))
  -- A cron task runs once for all that it missed: no script can work out its next time.
  local moment = interval and following(now, now, flags, interval, phase, grid) or now
  if found.due then
    wait_until(found.id, moment)
  else
    call('ZADD', paused_key, digits(moment), found.id)
  end
end

local function drop_stray_lease(found)
  call('HDEL', leases_key, found.id)
end

local function drop(name)
  return function(found)
    if name == 'of' then
      leave_groups(groups, { found.id }, now, due_key)
    else
      call('HDEL', HASHES[name], found.id)
    end
  end
end

-- Find a hash that knows a task without reason: its name, or nil.
local function left_over(found)
  local extras = found.extras
  return extras.errors and not found.dead and 'errors'
    or extras.of and not found.leased and 'of'
    or extras.overdue and not found.due and 'overdue'
    or extras['parked-of'] and 'parked-of'
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
  elseif not found.dead and after_run(found.record, 1, now, now) == nil and not match(found.record, '^[^\n]*;c') then
    return 'unreadable', 'its record cannot be read', not found.leased and set_aside
  end
  local score = found.due or found.paused or found.dead
  if found.odd then
    return 'garbled', 'in ' .. found.odd .. ' is no count', set_right
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

-- Check a member of the parked set. One that the hash 'parked-of' does not have belongs to no task.
local function look_over_parked(member)
  local _, id = read_parked(member)
  if id and call('HGET', groups .. 'parked-of', id) == member then
    return look_over(id)
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
      earliest = unpark(groups, group, math.max(-difference, 0), now, due_key) and now or earliest
    elseif difference ~= 0 then
      tell(group, 'group-count', 'counts ' .. digits(-difference) .. ' runs more than there are')
    end
  end
end

local cursor, ids = '0', {}
if place_arg == 'counts' then
  look_over_counts()
else
  local name = place_arg
  local others = {
    tasks = tasks_key,
    due = due_key,
    leased = leased_key,
    leases = leases_key,
    dead = dead_key,
    paused = paused_key,
  }
  local key = others[name] or HASHES[name] or groups .. name
  local is_zset = name == 'due' or name == 'leased' or name == 'dead' or name == 'paused' or name == 'parked'
  local step = call(is_zset and 'ZSCAN' or 'HSCAN', key, cursor_arg, 'COUNT', count_arg)
  cursor = step[1]
  for n = 1, #step[2], 2 do
    if name == 'parked' then
      look_over_parked(step[2][n])
    elseif name == 'tasks' or call('HEXISTS', tasks_key, step[2][n]) == 0 then
      ids[#ids + 1] = step[2][n]
      look_over(step[2][n]) -- an id with a record is checked at the place tasks
    end
  end
end
announce(channel_arg, before, earliest)
return { cursor, place_arg == 'tasks' and ids or {}, problems }
