-- Put tasks under schedule, or update those that are.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session;
--   '?' behind it: for existing tasks only
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] grid: integer, ms; execution times are rounded down to it; 0 for none
-- ARGV[4...] for each task five: id: string; code: string, the reschedule rule (k, i or s), then the record's flags and
--   policy; start: integer, ms, or '' for as soon as possible, or '+' and ms from now; for a cron task its first
--   occurrence, with '/' and the first one after now behind it if that is another; interval: integer, ms, or '' for
--   once, with '/' and a phase in ms behind it if the first run is the first moment of that phase from the start on;
--   data: bytes
-- Returns: string, the earliest due time in ms (-1: none), a blank, and for each task 1 (new), 0 (updated) or u
--   (refused, since its last moment comes before its next run), fewer than the tasks if more of their old records were
--   too much to read, or if some are parked, and then a slash and the number of the tasks; or '?' and for each 1 (exists
--   here) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; refused as a whole when
--   Redis is out of memory; a waiting task keeps its place unless the rule says otherwise, or it recurs by another
--   calendar now; a leased one is marked, so that its completion obeys the new record; a paused one stays paused; one
--   set aside as dead is scheduled anew; a refused one stays as it is, unless a hint of it was acknowledged before: then
--   it is taken off.

-- The most tasks of a request with parked ones; the caller sends the others again.
local MOST_PARKED = 200

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local now = now_ms()
local grid = math.max(tonumber(grid_arg), 1)
local ids = arguments(4, 5)
local asked = #ids
local refused = not_all_exist(stamp_arg, tasks_key, ids)
if refused then
  return remember(reply_key, stamp_arg, refused)
end

local due_of, lease_of, is_paused = {}, {}, {}
-- The parts of the record of each known task: its interval; the phase of a grid of its own; its calendar; the mark of
-- its previous time; and its policy, if it has one.
local interval_of, phase_of, calendar_of, previous_of, policy_of = {}, {}, {}, {}, {}
local any_paused = call('EXISTS', paused_key) == 1
local pauses = any_paused and call('ZMSCORE', paused_key, unpack(ids))
local scores = call('ZMSCORE', due_key, unpack(ids))
local parked, overdue = dues_in(groups_key, 'parked-of', ids), dues_in(groups_key, 'overdue', ids)
local in_groups = false
local leases = call('HMGET', leases_key, unpack(ids))
local any_known = parked
if parked then -- such a task takes more than twice the time of another
  ids = { unpack(ids, 1, math.min(#ids, MOST_PARKED)) }
end

-- Name the calendar of a policy; nil if it has none.
local function calendar(policy)
  return name_of_calendar(match(policy, ';c([^;]*)'), match(policy, ';z([^;]*)'))
end

-- Nothing is written into a table without need here and below: to write nil for an id that it does not have costs more than
-- all else that is done for a task.
for n, id in ipairs(ids) do
  local pause = pauses and pauses[n]
  local due = overdue and overdue[id] or scores[n] or pause or parked and parked[id]
  if pause then
    is_paused[id] = true
  end
  if due then
    due_of[id] = moment_of(due)
  end
  if leases[n] then
    lease_of[id] = leases[n]
  end
  any_known = any_known or due or leases[n]
end
local records = any_known and values_within(tasks_key, ids, MOST_READ) or {}
if any_known and #records < #ids then
  ids = { unpack(ids, 1, #records) } -- the caller sends the others again
end
for n, record in ipairs(records) do
  if record then
    local id = ids[n]
    local kind, interval, phase, behind = match(record, '^%a(d?) (%d+) (%d+)(.)')
    interval_of[id] = whole(interval)
    -- A task with a fixed delay has no grid of its own; and with a rounding grid, due times do not lie on the task's
    -- grid.
    phase_of[id] = kind == '' and behind ~= ' ' and whole(phase) or nil
    local policy = behind ~= '\n' and match(record, '^[^;\n]*([^\n]*)') or ''
    if policy ~= '' then
      calendar_of[id], previous_of[id] = calendar(policy), match(policy, ';p(%d+:%d+)')
      policy_of[id] = policy
    end
  end
end

-- Find the moment on the grid of a task that was put off to a due time by its jitter: that due time itself if it has none,
-- or was told to run at another time. Returns true behind it if it is an occurrence of the task, or the task has no grid.
local function occurrence_at(id, due)
  local most, interval, phase = jitter_of(policy_of[id] or ''), interval_of[id], phase_of[id]
  if not interval or not phase then
    return due, true
  end
  local moment = due - (due - phase) % interval
  if most and put_off(id, moment, most, tonumber(match(policy_of[id], ';u(%d+)'))) == due then
    return moment, true
  end
  return due, not most and moment == due
end

-- Find the previous time of a waiting task: its due time less its interval, unless the interval was changed since then.
-- Then a control of its header has the previous time, beside the due time for which it holds.
local function previous_time(id, due)
  local previous, holds_for = match(previous_of[id] or '', '^(%d+):(%d+)$')
  if whole(holds_for) == due and whole(previous) then
    return whole(previous)
  end
  return (policy_of[id] and occurrence_at(id, due) or due) - interval_of[id]
end

-- Find the phase that a task keeps, since it is assigned with the interval that it has; false or nil: none.
local function own_phase(id, rule, grid, interval)
  return rule == 'k' and grid == 1 and interval == interval_of[id] and phase_of[id]
end

local before, has_tags = head(due_key), may_have_tags(ids)
local written, fresh, marked, created, over, touched, anew, places = {}, {}, {}, {}, {}, {}, {}, new_places()
for n, id in ipairs(ids) do
  local at = 5 * n - 1
  local rule, flags, policy = match(ARGV[at + 1], '^(.)([^;]*)(.*)$')
  local has_start, upcoming = ARGV[at + 2] ~= '', nil
  local start, interval, phase = has_start and tonumber(ARGV[at + 2]) or now, tonumber(ARGV[at + 3]), nil
  if string.find(ARGV[at + 2], '^%+') then
    start = now + start
  elseif string.find(ARGV[at + 2], '/', 1, true) then
    start, upcoming = match(ARGV[at + 2], '^(%d+)/(%d+)$')
    start, upcoming = tonumber(start), tonumber(upcoming)
  end
  if not interval and ARGV[at + 3] ~= '' then
    interval, phase = match(ARGV[at + 3], '^(%d+)/(%d+)$')
    interval, phase = tonumber(interval), tonumber(phase)
    start = start + (phase - start) % interval
  end
  local times, last = nil, nil
  if policy ~= '' then
    times, last = calendar(policy), tonumber(match(policy, ';u(%d+)'))
  end
  -- Cron tasks ignore the rounding grid: rounded down, their first occurrence would come twice.
  local grid = times and 1 or grid
  local most = policy ~= '' and interval and jitter_of(policy)
  local due, lease = due_of[id], lease_of[id]
  -- A task that recurs by another calendar now goes on with the first occurrence that is still to come, as if it was
  -- new: its old time may be a year away, or none of the new ones.
  local is_moved = (due or lease) and rule ~= 's' and (times or interval) and times ~= calendar_of[id]
  if is_moved or times and rule ~= 's' then
    upcoming = upcoming
      or not times and start < now and on_grid(now, interval, start % interval, 1)
      or start
  end
  local anchor, is_over, keeps_phase, moment, mark_of, previous = start, false, due ~= nil, nil, nil, nil
  if lease then
    local claim, run_due, mark, paused, cancelled = read_lease(lease)
    if not claim then -- it cannot be read, so no worker can end it: the task waits until its deadline
      claim, run_due, mark, paused, cancelled = '0 0', digits(now), '', '', ''
    end
    paused = paused .. cancelled -- both stay
    local set_to = whole(match(mark, '^s(%d+)$'))
    keeps_phase = not set_to
    if times and rule ~= 's' and not is_moved and (keeps_phase or set_to and set_to > now) then
      -- The same calendar: the run in progress decides, or what was set before.
      mark_of = claim .. ' ' .. (set_to and mark or 'k') .. paused
      is_over = last and (set_to or match(policy, ';ma') and now or upcoming) > last
    elseif interval and rule ~= 's' and not (is_moved and has_start) then
      anchor = occurrence_at(id, whole(run_due) or now)
      mark_of = claim .. ' k' .. paused
      is_over = last
        and due_after(
            policy,
            id,
            now,
            moment_of(anchor),
            flags,
            interval,
            phase or keeps_phase and own_phase(id, rule, grid, interval) or anchor % interval,
            grid,
            match(policy, ';ma')
          )
          > last
    else
      anchor = rule ~= 's' and upcoming or start
      moment = most and put_off(id, anchor, most, last) or anchor - anchor % grid
      is_over = last and moment > last
      mark_of = claim .. ' s' .. digits(moment) .. paused
    end
  else
    if is_moved then
      anchor = upcoming
    elseif due and rule == 'i' and interval and interval_of[id] then
      local from = previous_time(id, due)
      anchor = math.max(phase and from + 1 + (phase - from - 1) % interval or from + interval, 0)
    elseif due and rule ~= 's' then
      local is_on_grid
      anchor = due
      if most or policy_of[id] then
        anchor, is_on_grid = occurrence_at(id, due)
      end
      local from = interval and interval_of[id] and previous_time(id, due)
      moment = not (most and is_on_grid) and due - due % grid or nil -- else it is put off by the jitter that it has now
      previous = from and from >= 0 and from + interval ~= (moment and due or anchor) and from or nil
    end
    moment = moment or most and put_off(id, anchor, most, last) or anchor - anchor % grid
    is_over = last and moment > last
  end
  if is_over then
    created[n] = 'u'
    if not TELLS then
      over[#over + 1] = id
      due_of[id], is_paused[id], lease_of[id] = nil, nil, nil
      interval_of[id], phase_of[id], calendar_of[id], previous_of[id], policy_of[id] = nil, nil, nil, nil, nil
    end
  else
    if lease then
      lease_of[id] = mark_of
      marked[#marked + 1] = id
      marked[#marked + 1] = mark_of
    else
      if due and (rule == 's' or moment ~= due) then
        anew[#anew + 1] = id
      end
      place(places, id, moment, is_paused[id])
      due_of[id] = moment
    end
    local header = flags
    if interval then
      -- A task that was told to run now, or runs again after a failure, is due off its own grid: the grid stays as it
      -- was.
      local own = keeps_phase and own_phase(id, rule, grid, interval)
      header = flags .. ' ' .. digits(interval) .. ' ' .. digits(phase or own or anchor % interval)
      if grid > 1 then
        header = header .. ' ' .. digits(grid)
      end
      phase_of[id] = not match(flags, 'd') and (phase or own or anchor % interval) or nil
    end
    if previous or previous_of[id] then
      previous_of[id] = previous and digits(previous) .. ':' .. digits(moment)
    end
    header = header .. policy .. (previous and ';p' .. previous_of[id] or '')
    if interval or interval_of[id] then
      interval_of[id] = interval
    end
    if policy ~= '' or policy_of[id] then
      calendar_of[id], policy_of[id] = times, policy ~= '' and policy or nil
    end
    in_groups = in_groups or policy ~= '' and match(policy, GROUP)
    written[#written + 1] = id
    written[#written + 1] = header .. '\n' .. ARGV[at + 4]
    created[n] = (due or lease) and '0' or '1'
    if has_tags and not due and not lease then
      fresh[#fresh + 1] = id
    end
  end
  if not (is_over and TELLS) then
    touched[#touched + 1] = id
  end
end

if #touched == 0 then
  return remember(reply_key, stamp_arg, '-1 ' .. results_of(created, asked))
end
if #written > 0 then
  write_records(tasks_key, written, fresh)
end
put(places, due_key, paused_key)
if parked then
  drop_parked(groups_key, touched)
end
local makes_room = overdue and give_up_turns(groups_key, touched, now, due_key)
if #marked > 0 then
  call('HSET', leases_key, unpack(marked))
end
delete_fields(anew, { attempts_key }) -- another occurrence, of which no delivery failed
if #over > 0 then
  -- These tasks have no further occurrence: delete all there is of them. If the same batch assigns one of them again
  -- later, keep its new record and due time.
  delete_fields(over, { leases_key, attempts_key, errors_key, runs_key, failures_key, history_key, causes_key })
  delete_members(over, { leased_key, dead_key, paused_key, failing_key })
  local gone = {}
  for _, id in ipairs(over) do
    if not due_of[id] then
      gone[#gone + 1] = id
    end
  end
  delete_members(gone, { due_key })
  delete_records(tasks_key, gone)
  makes_room = leave_groups(groups_key, over, now, due_key) or makes_room
end
if makes_room then
  places.earliest = math.min(places.earliest or now, now)
end
if call('ZREM', dead_key, unpack(touched)) > 0 then
  call('HDEL', errors_key, unpack(touched))
  local pauses = pauses_of(tasks_key)
  for _, id in ipairs(call('EXISTS', pauses) == 1 and touched or {}) do
    if not call('ZSCORE', paused_key, id) and call('HEXISTS', leases_key, id) == 0 then
      call('HDEL', pauses, id) -- it was paused before it died
    end
  end
end
if call('EXISTS', history_key) == 1 then
  local unasked = {}
  for n = 1, #written, 2 do -- an id that is there twice loses its runs by the first record, as by two requests
    if not match(match(written[n + 1], '^[^\n]*'), ';h%d') then
      unasked[#unasked + 1] = written[n]
    end
  end
  delete_fields(unasked, { history_key })
end
if in_groups then
  call('SET', groups_key .. 'in-use', 1)
end
announce(channel_arg, before, places.earliest)
return remember(reply_key, stamp_arg, digits(places.earliest or -1) .. ' ' .. results_of(created, asked))
