-- Pause and resume tasks, run them now, revive dead ones, and cancel runs in progress.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, pauses, actions
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session;
--   '?' behind it: for existing tasks only
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] noted: integer, the number of notes for the log of actions
-- ARGV[4...] for each note five: the name of the call; the name of this very call, or ''; who; details, of a pause the
--   reason; a prefix, or ''; and then for each step four: id: string; action: p (pause), r (resume), n (run now), v (revive),
--   x (cancel the run in progress) or h (the same, and have it handed back), and behind it the number of its note, if any;
--   header: string, the header of the record as the caller knows it, or '' if that does not matter; next: integer, ms, the
--   next due time by that header, or '' if the script can work it out
-- Returns: string, the earliest new due time in ms (-1: none), a blank, and for each step 1 (done), 0 (no such task, or
--   not in a state for it) or c (the header was changed meanwhile, before this step or before
--   an earlier one on the same task: try again), fewer than the steps if more records
--   were too much to read, and then a slash and the number of the steps; or '?' and for each 1 (exists here) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; a task keeps its grid; a
--   running task is marked, so that its completion obeys; a run that is cancelled is marked, and announced to its worker,
--   which hears of the mark at the latest when it renews the lease; a step that was done before counts as done; what is
--   done is in the log, with one entry for each note; passes when Redis is out of memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local notes, first = read_notes(4, tonumber(noted_arg))
local refused = not_all_exist(stamp_arg, tasks_key, arguments(first, 4))
if refused then
  return remember(reply_key, stamp_arg, refused)
end

local now = now_ms()
local before = head(due_key)
local newest = newest_actions(actions_key, notes)
local earliest

local function wait_until(id, moment)
  call('ZADD', due_key, digits(moment), id)
  earliest = earliest and math.min(earliest, moment) or moment
end

local function mark_lease(id, claim, mark, paused, cancelled)
  local whole = claim
  if mark ~= '' or paused ~= '' or cancelled ~= '' then
    whole = claim .. ' ' .. mark .. paused .. cancelled
  end
  call('HSET', leases_key, id, whole)
  return '1'
end

-- Mark the lease of a run in progress, and tell its worker to look. There is none behind the deadline of the lease, and none
-- while the task is put off.
local function cancel(id, claim, mark, paused, how)
  local deadline = claim and call('ZSCORE', leased_key, id)
  if not deadline or tonumber(deadline) <= now or is_put_off(deadline) then
    return '0'
  end
  redis.pcall('PUBLISH', channel_arg, 'cancel ' .. match(claim, '^%d+') .. ' ' .. id)
  return mark_lease(id, claim, mark, paused, how)
end

-- Each action takes the id, the place of its arguments, and the parts of the lease if there is one. It returns the
-- result.
local actions = {}

function actions.p(id, _, claim, mark, _, cancelled)
  local due, parked = call('ZSCORE', due_key, id), dues_in(groups_key, 'parked-of', { id })
  local overdue = dues_in(groups_key, 'overdue', { id })
  if claim then
    return mark_lease(id, claim, mark, 'p', cancelled)
  elseif parked and parked[id] then
    call('ZADD', paused_key, digits(parked[id]), id)
    drop_parked(groups_key, { id })
    return '1'
  elseif due then
    call('ZADD', paused_key, digits(overdue and overdue[id] or moment_of(due)), id)
    call('ZREM', due_key, id)
    if give_up_turns(groups_key, { id }, now, due_key) then
      earliest = math.min(earliest or now, now)
    end
    return '1'
  end
  return call('ZSCORE', paused_key, id) and '1' or '0'
end

function actions.r(id, at, claim, mark, _, cancelled)
  if claim then
    return mark_lease(id, claim, mark, '', cancelled)
  end
  local due = moment_of(call('ZSCORE', paused_key, id))
  if not due then
    return (call('ZSCORE', due_key, id) or call('HEXISTS', groups_key .. 'parked-of', id) == 1) and '1' or '0'
  end
  local record = read_record(tasks_key, id) or ''
  local header = match(record, '^[^\n]*')
  if ARGV[at + 2] ~= '' and ARGV[at + 2] ~= header then
    return 'c'
  end
  if due <= now then
    -- Occurrences that were missed during the pause are left out.
    local flags, interval, phase, grid = read_header(match(header, '^[^;]*'))
    local is_rate = interval and not string.find(flags, 'd', 1, true)
    local planned = tonumber(ARGV[at + 3]) or is_rate
      and due_after(match(header, ';.*$') or '', id, now, due, flags, interval, phase, grid)
    due = planned or now
    local last = tonumber(match(header, ';u(%d+)'))
    if last and due > last then
      -- The last moment of the task passed during the pause.
      delete_fields({ id }, { attempts_key, runs_key, failures_key, history_key, causes_key })
      delete_members({ id }, { paused_key, failing_key })
      delete_records(tasks_key, { id })
      return '0'
    end
    if planned then
      call('HDEL', attempts_key, id) -- another occurrence, of which no delivery failed
    end
  end
  wait_until(id, due)
  call('ZREM', paused_key, id)
  return '1'
end

function actions.n(id, _, claim, _, paused, cancelled)
  if claim and paused == '' then
    local policy = match(read_record(tasks_key, id) or '', '^[^;\n]*([^\n]*)')
    local last, most = tonumber(match(policy, ';u(%d+)')), tonumber(match(policy, ';n(%d+)'))
    if last and now > last or most and (whole(call('HGET', runs_key, id)) or 0) + 1 >= most then
      return '0' -- the run in progress is the last one
    end
    return mark_lease(id, claim, 's' .. digits(now), '', cancelled)
  end
  local due = moment_of(call('ZSCORE', due_key, id))
  local is_parked = not due and call('HEXISTS', groups_key .. 'parked-of', id) == 1
  if not due and not is_parked then
    return '0'
  elseif due and due > now then
    wait_until(id, now)
  elseif match(read_record(tasks_key, id) or '', '^[^\n]*;l') then
    -- It was due before: the time in which its run must start counts from now.
    wait_until(id, now)
    drop_parked(groups_key, { id })
    give_up_turns(groups_key, { id }, now, due_key)
  elseif due then
    wait_until(id, due)
  end
  return '1'
end

function actions.v(id)
  if not call('ZSCORE', dead_key, id) then
    return '0'
  end
  wait_until(id, now)
  call('ZREM', dead_key, id)
  call('HDEL', errors_key, id)
  return '1'
end

function actions.x(id, _, claim, mark, paused)
  return cancel(id, claim, mark, paused, 'x')
end

function actions.h(id, _, claim, mark, paused)
  return cancel(id, claim, mark, paused, 'h')
end

pass_when_full(reply_key)
local results, changed = {}, {}
local kinds, pauses, resumed = {}, {}, {}
for at = first, #ARGV, 4 do
  if bytes_read >= MOST_READ then
    break
  end
  local id, result = ARGV[at], 'c'
  if not changed[id] then -- else an earlier step on it is repeated, and this one must not overtake that
    local claim, _, mark, paused, cancelled = read_lease(call('HGET', leases_key, id))
    local kind = kinds[ARGV[at + 1]]
    if not kind then
      local letter, number = match(ARGV[at + 1], '^(.)(%d*)$')
      kind = { letter = letter, carry_out = actions[letter], note = notes[tonumber(number)] }
      kinds[ARGV[at + 1]] = kind
    end
    result = kind.carry_out(id, at, claim, mark, paused, cancelled)
    changed[id] = result == 'c'
    if result == '1' then
      if kind.note then
        count_step(kind.note, id)
      end
      if kind.letter == 'p' then
        pauses[id] = kind.note
      elseif kind.letter == 'r' or kind.letter == 'v' then
        pauses[id] = nil
        resumed[#resumed + 1] = id
      end
    end
  end
  results[#results + 1] = result
end
announce(channel_arg, before, earliest)
local rests = {}
for id, note in pairs(pauses) do
  note.text = note.text or pause_text(note.who, note.details, now)
  rests[#rests + 1], rests[#rests + 2] = id, note.text
end
delete_fields(resumed, { pauses_key })
if #rests > 0 then
  call('HSET', pauses_key, unpack(rests))
end
note_actions(actions_key, newest, notes, now)
return remember(reply_key, stamp_arg, digits(earliest or -1) .. ' ' .. results_of(results, (#ARGV + 1 - first) / 4))
