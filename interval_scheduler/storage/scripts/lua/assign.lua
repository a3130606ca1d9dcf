-- Put tasks under schedule, or update those that are.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, groups
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session;
--   '?' behind it: for existing tasks only
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] grid: integer, ms; execution times are rounded down to it; 0 for none
-- ARGV[4...] for each task five: id: string; code: string, the reschedule rule (k, i or s), then the record's flags and
--   policy; start: integer, ms, or '' for as soon as possible; interval: integer, ms, or '' for once, with '/' and a
--   phase in ms behind it if the first run is the first moment of that phase from the start on; data: bytes
-- Returns: string, the earliest due time in ms (-1: none), a blank, and for each task 1 (new) or 0 (updated); or '?'
--   and for each 1 (exists here) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; refused as a whole when
--   Redis is out of memory; a waiting task keeps its place unless the rule says otherwise; a leased one is marked, so
--   that its completion obeys the new record; a paused one stays paused; one set aside as dead is scheduled anew; one
--   whose last moment comes before its next due time is taken off.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local now = now_ms()
local grid = math.max(tonumber(grid_arg), 1)
local ids = arguments(4, 5)
local refused = not_all_exist(stamp_arg, tasks_key, ids)
if refused then
  return remember(reply_key, stamp_arg, refused)
end

local due_of, lease_of, interval_of, phase_of, is_paused = {}, {}, {}, {}, {}
local any_paused = call('EXISTS', paused_key) == 1
local pauses = any_paused and call('ZMSCORE', paused_key, unpack(ids))
local scores = call('ZMSCORE', due_key, unpack(ids))
local parked, overdue = dues_in(groups_key, 'parked-of', ids), dues_in(groups_key, 'overdue', ids)
local in_groups = false
local leases = call('HMGET', leases_key, unpack(ids))
local any_known = parked
for n, id in ipairs(ids) do
  is_paused[id] = pauses and pauses[n] and true
  due_of[id] = moment_of(overdue and overdue[id] or scores[n] or is_paused[id] and pauses[n] or parked and parked[id])
  lease_of[id] = leases[n] or nil
  any_known = any_known or due_of[id] or lease_of[id]
end
for n, record in ipairs(any_known and call('HMGET', tasks_key, unpack(ids)) or {}) do
  if record then
    local kind, interval, phase, behind = match(record, '^%a(d?) (%d+) (%d+)(.)')
    interval_of[ids[n]] = whole(interval)
    -- A task with a fixed delay has no grid of its own; and with a rounding grid, due times do not lie on the task's
    -- grid.
    phase_of[ids[n]] = kind == '' and behind ~= ' ' and whole(phase) or nil
  end
end

local before = head(due_key)
local written, marked, created, over, places = {}, {}, {}, {}, new_places()
for n, id in ipairs(ids) do
  local at = 5 * n - 1
  local rule, flags, policy = match(ARGV[at + 1], '^(.)([^;]*)(.*)$')
  local start, interval, phase = tonumber(ARGV[at + 2]) or now, tonumber(ARGV[at + 3]), nil
  if not interval and ARGV[at + 3] ~= '' then
    interval, phase = match(ARGV[at + 3], '^(%d+)/(%d+)$')
    interval, phase = tonumber(interval), tonumber(phase)
    start = start + (phase - start) % interval
  end
  local is_cron, last = false, nil
  if policy ~= '' then
    is_cron, last = match(policy, ';c'), tonumber(match(policy, ';u(%d+)'))
    in_groups = in_groups or match(policy, GROUP)
  end
  -- Cron tasks ignore the rounding grid: rounded down, their first occurrence would come twice.
  local grid = is_cron and 1 or grid
  local due, lease = due_of[id], lease_of[id]
  local anchor, is_over, keeps_phase = start, false, due ~= nil
  if lease then
    local claim, run_due, mark, paused = read_lease(lease)
    if not claim then -- it cannot be read, so no worker can end it: the task waits until its deadline
      claim, run_due, mark, paused = '0 0', digits(now), '', ''
    end
    keeps_phase = mark == '' or mark == 'k'
    if interval and rule ~= 's' then
      anchor = whole(run_due) or now
      lease_of[id] = claim .. ' k' .. paused
    else
      local moment = start - start % grid
      is_over = last and moment > last
      lease_of[id] = not is_over and claim .. ' s' .. digits(moment) .. paused or nil
    end
    if not is_over then
      marked[#marked + 1] = id
      marked[#marked + 1] = lease_of[id]
    end
  else
    if due and rule == 'i' and interval and interval_of[id] then
      local previous = due - interval_of[id]
      anchor = math.max(phase and previous + 1 + (phase - previous - 1) % interval or previous + interval, 0)
    elseif due and rule ~= 's' then
      anchor = due
    end
    local moment = anchor - anchor % grid
    is_over = last and moment > last
    if not is_over then
      place(places, id, moment, is_paused[id])
      due_of[id] = moment
    end
  end
  if is_over then
    over[#over + 1] = id
    due_of[id], is_paused[id] = nil, nil
  end
  local header = flags
  if interval then
    -- A task that was told to run now, or runs again after a failure, is due off its own grid: the grid stays as it
    -- was.
    local own = keeps_phase and rule == 'k' and grid == 1 and interval == interval_of[id] and phase_of[id]
    header = flags .. ' ' .. digits(interval) .. ' ' .. digits(phase or own or anchor % interval)
    if grid > 1 then
      header = header .. ' ' .. digits(grid)
    end
    phase_of[id] = not match(flags, 'd') and (phase or own or anchor % interval) or nil
  end
  header = header .. policy
  interval_of[id] = interval
  written[2 * n - 1] = id
  written[2 * n] = header .. '\n' .. ARGV[at + 4]
  created[n] = (due or lease or is_over) and '0' or '1'
end

call('HSET', tasks_key, unpack(written))
put(places, due_key, paused_key)
if parked then
  drop_parked(groups_key, ids)
end
local makes_room = overdue and give_up_turns(groups_key, ids, now, due_key)
if #marked > 0 then
  call('HSET', leases_key, unpack(marked))
end
if #over > 0 then
  -- These tasks have no further occurrence: delete all there is of them. If the same batch assigns one of them again
  -- later, keep its new record and due time.
  delete_fields(over, { leases_key, attempts_key, errors_key, runs_key, failures_key })
  delete_members(over, { leased_key, dead_key, paused_key })
  for _, id in ipairs(over) do
    if not due_of[id] then
      call('ZREM', due_key, id)
      call('HDEL', tasks_key, id)
    end
  end
  makes_room = leave_groups(groups_key, over, now, due_key) or makes_room
end
if makes_room then
  places.earliest = math.min(places.earliest or now, now)
end
if call('ZREM', dead_key, unpack(ids)) > 0 then
  call('HDEL', errors_key, unpack(ids))
end
if in_groups then
  call('SET', groups_key .. 'in-use', 1)
end
announce(channel_arg, before, places.earliest)
return remember(reply_key, stamp_arg, digits(places.earliest or -1) .. ' ' .. table.concat(created))
