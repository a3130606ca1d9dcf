-- Functions that work out when a task is due next, from the header of its record and from the mark of its lease; the
-- loader puts them after those of `_requests.lua`.

-- The greatest number of missed occurrences that are kept of a task that wants each of them.
local MISSED_KEPT = 1000

-- Read the fields of a header (see records.py): flags, interval, phase and grid. A one-shot has flags only. Returns nil
-- if the text is no header.
local function read_header(header)
  local flags, interval, phase, rest = match(header, '^([sb]d?) ([1-9]%d*) (%d+)(.*)$')
  if flags and (#interval > 15 or #phase > 15) then
    return nil
  elseif flags and rest == '' then
    return flags, interval, phase
  end
  local grid = match(rest or '', '^ ([1-9]%d*)$')
  if grid and #grid <= 15 then
    return flags, interval, phase, grid
  end
  return match(header, '^[sb]d?$')
end

-- Find the first moment on the grid of an interval that is after now even when rounded down to the rounding grid.
local function on_grid(now, interval, phase, grid)
  local base = now - now % grid + grid - 1
  return base + interval - (base - phase) % interval
end

-- Work out the due time after `due` of a recurring task, from the fields of its header. Fixed rate: the first moment
-- after now on the task's own grid, so that missed occurrences become one; where the clock went back to before `due`,
-- the moment after `due`. Fixed delay: one interval from now. Both are rounded down to the rounding grid, and are
-- always after now. With `each`, missed occurrences are due one by one, the last thousand of them.
local function following(now, due, flags, interval, phase, grid, each)
  interval, phase, grid = tonumber(interval), tonumber(phase), math.max(tonumber(grid) or 1, 1)
  if string.find(flags, 'd', 1, true) then
    local after = now + interval
    after = after - after % grid
    return after > now and after or after + grid
  end
  local moment = on_grid(each and math.max(due, now - MISSED_KEPT * interval) or now, interval, phase, grid)
  if moment - moment % grid == due then
    moment = moment + interval
  end
  return moment - moment % grid
end

-- Find when an occurrence on the grid of a task is due: later than its moment by a draw from the id and the moment, from 0 to
-- `most` ms, but not after the last moment of the task (see jitter.py, which draws likewise).
local function put_off(id, moment, most, last)
  local prime, hash = 67108859, 7 -- no product gets longer than the 53 bits of a number
  for at = math.max(#id - 63, 1), #id do -- enough to tell ids apart, and bounded
    hash = (hash * 263 + string.byte(id, at)) % prime
  end
  local high, low = (hash + moment) % prime, (hash * 31 + math.floor(moment / prime)) % prime
  for _ = 1, 3 do
    high = (high * high + low + 1) % prime
    low = (low * low + high + 7) % prime
  end
  local drawn = (high * prime + low) % (most + 1)
  return last and moment <= last and math.min(moment + drawn, last) or moment + drawn
end

-- Read the jitter of a policy, in ms; nil for none.
local function jitter_of(policy)
  return policy ~= '' and whole(match(policy, ';j(%d+)')) or nil
end

-- Work out the due time after `due` as `following` does, for a task whose runs may have a jitter: the first due time after
-- now, of another occurrence than that of `due`.
local function due_after(policy, id, now, due, flags, interval, phase, grid, each)
  local most, last = jitter_of(policy), tonumber(match(policy, ';u(%d+)'))
  if not most then
    return following(now, due, flags, interval, phase, grid, each)
  end
  interval = tonumber(interval)
  local after = each and math.max(due, now - MISSED_KEPT * interval) or now
  local moment, found = after - (after - tonumber(phase)) % interval, nil
  repeat
    found = put_off(id, moment, most, last)
    local is_next = found > after and found ~= due and moment ~= due
    moment = moment + interval
  until is_next
  return found
end

-- Find the latest due time of a task with a fixed rate that has come by now.
local function latest_due(policy, id, now, interval, phase, grid)
  local most, last = jitter_of(policy), tonumber(match(policy, ';u(%d+)'))
  interval, phase, grid = tonumber(interval), tonumber(phase), math.max(tonumber(grid) or 1, 1)
  local moment = on_grid(now, interval, phase, grid) - interval
  if not most then
    return moment - moment % grid
  end
  local found = put_off(id, moment, most, last)
  return found <= now and found or put_off(id, moment - interval, most, last)
end

-- Work out what comes after a run, from the header that begins at a place in a text and ends with a newline. Returns
-- the next due time (false for none, as after a one-shot; nil if the header cannot be read), the place behind the
-- header, and its policy. Only the caller can work out the next due time of a cron task: the control '@' carries it, or
-- `sent` if the header is that of a record, whose calendar is the same. `claim` is the worker's part of the lease, nil if
-- it is not known when the run began.
local function after_run(text, at, now, due, id, claim, sent)
  local header, behind = match(text, '^([^\n]*)\n()', at)
  local plain, policy = match(header or '', '^([^;]*)(.*)$')
  local flags, interval, phase, grid = read_header(plain)
  local last = tonumber(match(policy, ';u(%d+)'))
  local is_cron = policy ~= '' and match(policy, ';c')
  local told = whole(match(policy, ';@(%d+)')) or is_cron and sent
  if not flags or (not told and is_cron) then
    return nil, behind, policy
  end
  local moment = told
    or interval and due_after(policy, id, now, moment_of(due) or now, flags, interval, phase, grid, match(policy, ';ma'))
    or false
  if moment and claim and interval and match(policy, ';o') then
    -- What came due while the run went on is one more run. A token is the moment of its claim, in µs.
    local latest = latest_due(policy, id, now, interval, phase, grid)
    local begun = (whole(match(claim, '^%d+')) or math.huge) / 1000
    moment = latest > math.max(moment_of(due) or now, begun) and latest or moment
  end
  if moment and last and moment > last then
    moment = false
  end
  return moment, behind, policy
end

-- Name a calendar: a cron expression and its time zone, nil for UTC; nil if there is no expression.
local function name_of_calendar(cron, zone)
  return cron and cron .. ';' .. (zone or '')
end

-- Matches the header of most tasks, with a fixed rate and nothing else: interval, phase, and the place behind the
-- header.
local PLAIN_RATE = '^[sb] ([1-9]%d*) (%d+)\n()'

-- Take a lease apart. The due time in it is a score, which others may have written. Returns five strings: the part that
-- its worker knows; the due time of the run; the mark, if the task was assigned or controlled during the run ('k': go on
-- by the new record; 'k0': the same, and it has its further attempts, since its times stay; 's' and a moment: be due then;
-- else ''); 'p' if it was paused, else ''; and 'x' if the run is cancelled, 'h' if it is cancelled and to be handed back,
-- else ''. None if the text is no lease.
local function read_lease(held)
  return match(held or '', '^(%d+ (%S+)) ?(k?s?%d*)(p?)([xh]?)$')
end

-- Read the due time after the run from a mark; nil if the mark has none. For a cron task, a scheduler whose clock is a
-- little late may have chosen the occurrence that just ran: this one is over, and the mark does not count.
local function decided(mark, policy, due)
  local moment = whole(match(mark, '^s(%d+)$'))
  if moment and moment <= (moment_of(due) or 0) and match(policy, ';@') then
    return nil
  end
  return moment
end

-- The bytes of the records that this script has read so far to work out what comes after runs.
local bytes_read = 0

-- Read the record of a task, and count it; false for none. No script may go on when `bytes_read` reaches MOST_READ: a
-- record has to be read as a whole, for its header alone.
local function read_record(tasks_key, id)
  local record = call('HGET', tasks_key, id)
  bytes_read = bytes_read + (record and #record or 0)
  return record
end

-- Work out what comes after a run whose task may have been assigned or controlled meanwhile: `marked` if its lease has a
-- mark. Takes what `after_run` found by the header that the worker sent. Returns the next due time (false: none; nil: the
-- record cannot be read), and true if the run counts, in the count of runs of the task.
local function after_all(moment, policy, id, mark, now, due, claim, tasks_key, runs_key)
  local by_record = mark == 'k' or mark == 'k0'
  if moment == nil and not by_record then
    return nil, false
  end
  local most = tonumber(match(policy, ';n(%d+)'))
  local record = mark ~= '' and read_record(tasks_key, id)
  if record then
    local planned, _, rules = after_run(record, 1, now, due, id, claim, whole(match(policy, ';@(%d+)')))
    local counts, last = most ~= nil, tonumber(match(rules, ';u(%d+)'))
    most = tonumber(match(rules, ';n(%d+)'))
    if by_record then
      moment, counts = planned, most ~= nil
    else
      moment = decided(mark, policy, due) or moment
      -- A mark is no way around the rules of the task.
      moment = not (moment and last and moment > last) and moment
    end
    if not counts then
      return moment, false
    end
  end
  if most and (whole(call('HGET', runs_key, id)) or 0) + 1 >= most then
    moment = moment and false
  end
  return moment, most ~= nil
end

-- Find the due time of a task that goes back unrun, and if it is paused. The due time is that of its claim, or the
-- moment that a later assignment set.
local function due_again(held, now)
  local _, due, mark, paused = read_lease(held)
  return whole(match(mark or '', '^s(%d+)$')) or whole(due) or now, paused == 'p'
end
