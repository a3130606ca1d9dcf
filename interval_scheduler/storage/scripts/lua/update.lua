-- Change what is asked of scheduled tasks, and nothing else of them.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, actions
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session;
--   '?' behind it: for existing tasks only
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] grid: integer, ms; the rounding grid of a task that is given an interval or a start; 0 for none
-- ARGV[4] letters: string, those of the rules in a policy, in their order
-- ARGV[5] noted: integer, the number of notes for the log of actions
-- ARGV[6...] for each note five: the name of the call; ''; who; details; ''; and then for each task six: id: string; code:
--   string, the number of its note, if any, the reschedule rule (k, i or s), the type of the new payload
--   (s or b, or - for none), and for each change a semicolon, a letter and the new value, empty to take it off: the
--   letters of a policy, I (interval, ms), D (1: fixed delay) and S (1: spread); hash: integer, the CRC-32 of the id;
--   start: integer, ms, or '+' and ms from now, or '' for as soon as possible or none; plan: string, '' or the first
--   occurrence of a cron expression, with '/' and the first one after now behind it if that is another, then a semicolon,
--   the expression, a semicolon and its time zone, '' for UTC, and if it has a jitter, a semicolon, that, a semicolon and
--   its last moment, '' for none; data: bytes
-- Returns: string, the earliest due time in ms (-1: none), a blank, and for each task 1 (updated), 0 (not scheduled), u
--   (refused, since its last moment comes before its next run), e (refused, since what it would ask for does not fit
--   together, or its record cannot be read) or c (not done: it needs a plan for the expression that it has, or an earlier
--   change of this request on the same task was c or e), fewer than the tasks if more records were too much to read, and
--   then a slash and the number of the tasks; or '?' and for each 1 (exists here) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; refused as a whole when Redis is out
--   of memory; what is not given stays: payload, counts, pause, lease, group; a task whose times stay keeps its place and
--   its attempts, another one moves as one that is assigned, also one whose jitter is drawn anew; a leased one is marked,
--   so that its completion obeys; what is done is in the log, with one entry for each note.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local notes, first = read_notes(6, tonumber(noted_arg))
local refused = not_all_exist(stamp_arg, tasks_key, arguments(first, 6))
if refused then
  return remember(reply_key, stamp_arg, refused)
end

local now = now_ms()
local before = head(due_key)
local any_groups = call('EXISTS', groups_key .. 'in-use') == 1

-- Take a policy apart: its values by their letters; and as a text those whose letters are not known here.
local function controls(policy)
  local found, others = {}, ''
  for letter, value in string.gmatch(policy, ';([^;])([^;]*)') do
    found[letter] = value
    if letter ~= 'p' and not string.find(letters_arg, letter, 1, true) then
      others = others .. ';' .. letter .. value
    end
  end
  return found, others
end

-- Put a policy together.
local function policy_of(rules, others)
  local parts = {}
  for letter in string.gmatch(letters_arg, '.') do
    parts[#parts + 1] = rules[letter] and ';' .. letter .. rules[letter] or nil
  end
  return table.concat(parts) .. others .. (rules.p and ';p' .. rules.p or '')
end

-- Name the calendar of rules; nil for none.
local function times_of(rules)
  return name_of_calendar(rules.c, rules.z)
end

-- Name the calendar for which a plan holds: with a jitter, the occurrences depend on that, and on the last moment.
local function planned_by(rules)
  local times = times_of(rules)
  return times and rules.j and times .. ';' .. rules.j .. ';' .. (rules.u or '') or times
end

-- Work out the phase of a spread task, as `phase_of` in `rules.py`: hash * interval / 2^32. The product has more digits
-- than a number of Lua, so the interval is taken in two parts.
local function phase_of(hash, interval)
  local high, low = math.floor(interval / 1048576), interval % 1048576
  return math.floor((hash * high + math.floor(hash * low / 1048576)) / 4096)
end

-- Tell if rules fit each other, as `check_together` in `rules.py`, which tells the reason then.
local function fits(rules, interval, is_delay, is_spread)
  if rules.c then
    return not (is_delay or is_spread) and not (rules.o and rules.m == 'a')
  end
  return not rules.z
    and (interval or not (is_spread or rules.m or rules.u or rules.n or rules.o or rules.j))
    and not (is_delay and (interval and rules.m or rules.o or rules.j))
    and not (rules.o and rules.m == 'a')
    and not (rules.j and tonumber(rules.j) >= interval)
end

-- Find when a task is due next that keeps its times: after the run in progress, if there is one. nil: that takes a plan.
local function next_of(id, task, rules, plan)
  if not task.lease then
    return task.due
  end
  local set_to = whole(match(task.mark or '', '^s(%d+)$'))
  if set_to then
    return set_to
  elseif rules.c then
    return rules.m == 'a' and now or plan and tonumber(match(plan, '%d+$'))
  end
  local run_due = moment_of(whole(task.run_due)) or now
  return due_after(policy_of(rules, ''), id, now, run_due, task.flags, task.interval, task.phase, task.grid, rules.m == 'a')
end

-- Write a task whose times stay. Returns its due time if it waits now and did not before, or nil.
local function rewrite(id, task, header, data, group)
  if header ~= task.header or data then
    write_records(tasks_key, { id, header .. '\n' .. (data or string.sub(task.record, task.behind)) }, {})
  end
  if task.claim and task.mark == '' and header ~= task.header then
    call('HSET', leases_key, id, task.claim .. ' k0' .. task.paused .. task.cancelled)
  end
  if task.rules.h and not match(header, ';h%d') then
    delete_fields({ id }, { history_key })
  end
  if group == task.rules.g then
    return nil
  end
  if group then
    call('SET', groups_key .. 'in-use', 1)
  end
  local moment
  if task.parked or task.overdue then -- it waits for no room in another group, and for no turn of that
    moment = task.due
    call('ZADD', due_key, digits(moment), id)
    drop_parked(groups_key, { id })
    if task.overdue and give_up_turns(groups_key, { id }, now, due_key) then
      moment = math.min(moment, now)
    end
    announce(channel_arg, before, moment)
  end
  return moment
end

-- Read all of a scheduled task; nil if it is not scheduled.
local function read_task(id)
  local record, lease = read_record(tasks_key, id), call('HGET', leases_key, id)
  local parked = any_groups and dues_in(groups_key, 'parked-of', { id })
  local overdue = any_groups and dues_in(groups_key, 'overdue', { id })
  parked, overdue = parked and parked[id], overdue and overdue[id]
  local due = moment_of(overdue or call('ZSCORE', due_key, id) or call('ZSCORE', paused_key, id) or parked)
  if not record or not (lease or due) then
    return nil
  end
  local task = { record = record, lease = lease, due = due, parked = parked, overdue = overdue }
  task.claim, task.run_due, task.mark, task.paused, task.cancelled = read_lease(lease)
  task.header, task.behind = match(record, '^([^\n]*)\n()')
  local plain, policy = match(task.header or '', '^([^;]*)(.*)$')
  task.flags, task.interval, task.phase, task.grid = read_header(plain)
  task.numbers = match(plain, '^%S+(.*)$')
  task.interval = tonumber(task.interval)
  task.rules, task.others = controls(policy)
  return task
end

-- Update a task. Takes its id and the place of its arguments; returns its result, and its new due time, if any.
local function update(id, at)
  local task = read_task(id)
  if not task then
    return '0'
  elseif not task.flags then
    return 'e'
  end
  local rule, kind, changes = match(ARGV[at + 1], '^%d*(%a)(.)(.*)$')
  local hash, start, data = tonumber(ARGV[at + 2]), ARGV[at + 3], kind ~= '-' and ARGV[at + 5] or nil
  local asked, interval = controls(changes), task.interval
  local rules = {}
  for letter, value in pairs(task.rules) do
    rules[letter] = value
  end
  for letter, value in pairs(asked) do
    rules[letter] = value ~= '' and value or nil
  end
  -- An interval takes the place of a cron expression, and the other way round.
  if asked.I then
    interval = tonumber(asked.I)
    rules.c = not interval and rules.c or nil
  end
  interval = not (asked.c and rules.c) and interval or nil
  if not rules.c and not (asked.z and rules.z) then
    rules.z = nil
  end
  local was_delay = string.find(task.flags, 'd', 1, true) ~= nil
  local was_spread = task.interval ~= nil and tonumber(task.phase) == phase_of(hash, task.interval)
  local is_delay, is_spread = was_delay, was_spread and interval ~= nil
  if not interval and (task.interval or rules.c) then
    is_delay = false
  end
  if asked.D then
    is_delay = asked.D ~= ''
  end
  if asked.S then
    is_spread = asked.S ~= ''
  end
  if not fits(rules, interval, is_delay, is_spread) then
    return 'e'
  end

  local times, is_changed = times_of(rules), interval ~= task.interval
  local plan, planned_for = match(ARGV[at + 4], '^([%d/]+);(.*)$')
  plan = planned_for == planned_by(rules) and plan or nil
  local flags = (data and kind or string.sub(task.flags, 1, 1)) .. (is_delay and 'd' or '')
  local is_moved = rule == 's'
    or is_changed
    or times ~= times_of(task.rules)
    or interval and (is_delay ~= was_delay or is_spread ~= was_spread)
    or asked.I and rule == 'i' and rules.p
  -- An occurrence that waits is drawn anew, else it could come twice. The grid stays.
  local is_redrawn = not is_moved
    and not task.lease
    and interval
    and (rules.j or task.rules.j)
    and (rules.j ~= task.rules.j or rules.u ~= task.rules.u)
  -- A run in progress is the last one of a task that does not recur any more.
  local is_last = task.lease and rule ~= 's' and not interval and not rules.c
  if not (is_moved or is_redrawn) or is_last then
    local last = asked.u and tonumber(rules.u)
    local moment = last and next_of(id, task, rules, plan)
    if last and not moment then
      return 'c'
    elseif last and moment > last then
      return 'u'
    end
    rules.p = interval and rules.p
    local header = flags .. (interval and task.numbers or '') .. policy_of(rules, task.others)
    return '1', rewrite(id, task, header, data, rules.g)
  elseif rules.c and not plan then
    return 'c'
  end
  if is_redrawn or rule == 'i' and not is_changed and not (asked.I and rules.p) then
    rule = 'k' -- the interval stays, and so does the next run
  end
  rules.p = nil
  local is_given = asked.I and interval or rule == 's'
  bytes_read = bytes_read + #task.record
  local reply = assign_one(
    rules.j and 0 or is_given and grid_arg or task.grid or 0, -- a jitter needs exact times
    id,
    rule .. flags .. policy_of(rules, task.others),
    plan or start,
    interval and digits(interval) .. (is_spread and '/' .. digits(phase_of(hash, interval)) or '') or '',
    data or string.sub(task.record, task.behind)
  )
  local moment, result = match(reply, '^(%S+) (.)')
  return result == 'u' and 'u' or '1', moment ~= '-1' and tonumber(moment) or nil
end

local results, again, earliest = {}, {}, nil
local newest = newest_actions(actions_key, notes)
for at = first, #ARGV, 6 do
  if bytes_read >= MOST_READ then
    break
  end
  local id, result, moment = ARGV[at], 'c', nil
  if not again[id] then -- else an earlier change of it comes again, and this one must not overtake that
    result, moment = update(id, at)
    again[id] = result == 'c' or result == 'e'
    local note = result == '1' and notes[tonumber(match(ARGV[at + 1], '^%d*'))]
    if note then
      count_step(note, id)
    end
    earliest = moment and math.min(earliest or moment, moment) or earliest
  end
  results[#results + 1] = result
end
note_actions(actions_key, newest, notes, now)
return remember(reply_key, stamp_arg, digits(earliest or -1) .. ' ' .. results_of(results, (#ARGV + 1 - first) / 6))
