-- Put tasks under schedule that come from another partition.
-- KEYS: tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups, pauses, fence, moves
-- ARGV[1] known: string, the known membership (epoch:born), with the epoch of the list for which tasks move
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] origin: string, the name of the partition from which they come
-- ARGV[4] number: integer, of the batch
-- ARGV[5] token: integer, the last fencing token there
-- ARGV[6...] for each task two: id: string; the task: as `move_out` packed it
-- Returns: string, the earliest due time in ms (-1: none)
-- Guarantees: atomic; refused under another membership; a batch is put in once; refused as a whole when Redis
--   is out of memory; a task that already exists here stays as it is; the tokens of a task still increase.

local changed = list_changed(tasks_key, known_arg)
if changed then
  return changed
end
local origin = 'from ' .. origin_arg
if (whole(call('HGET', moves_key, origin)) or 0) >= tonumber(number_arg) then
  return '-1'
end

local UNREADABLE = '1 it could not be read in the outbox of ' .. origin_arg
local records, fresh, dead, failing, notes, places = {}, {}, {}, {}, {}, new_places()
local in_groups = false
for at = 6, #ARGV, 2 do
  local id, packed = ARGV[at], ARGV[at + 1]
  local letter, moment, attempts, runs, failures, length, more, behind =
    match(packed, '^([wpd]) (%-?%d+) (%d+) (%d+) (%d+) (%d+)([ %d]*)\n()')
  local history_length, cause_length, pause_length = match(more or '', '^ (%d+) (%d+) (%d+)$')
  if
    not letter
    or #attempts + #runs + #failures > 48
    or #moment > 16
    or #length > 15
    or more ~= '' and (not history_length or #more > 32)
  then
    -- Somebody changed it on its way: it is kept, so that people can look at it.
    letter, moment, attempts, runs, failures, length, behind = 'd', digits(now_ms()), '0', '0', '0', #UNREADABLE, 1
    history_length, cause_length, pause_length = nil, nil, nil
    packed = UNREADABLE .. packed
  end
  if call('HEXISTS', tasks_key, id) == 0 then
    -- Take the next characters of the packed task.
    local function take(count)
      behind = behind + tonumber(count or 0)
      return string.sub(packed, behind - tonumber(count or 0), behind - 1)
    end
    local reason, history, cause, pause = take(length), take(history_length), take(cause_length), take(pause_length)
    local record = string.sub(packed, behind)
    records[#records + 1], records[#records + 2] = id, record
    fresh[#fresh + 1] = id
    in_groups = in_groups or match(match(record, '^[^\n]*'), GROUP)
    if letter == 'd' then
      dead[#dead + 1], dead[#dead + 2] = moment, id
    else
      place(places, id, moment_of(moment), letter == 'p')
    end
    notes[#notes + 1] = { attempts_key, id, attempts == '00' and '0' or attempts ~= '0' and attempts }
    notes[#notes + 1] = { runs_key, id, runs ~= '0' and runs }
    notes[#notes + 1] = { failures_key, id, failures ~= '0' and failures }
    notes[#notes + 1] = { errors_key, id, reason ~= '' and reason }
    notes[#notes + 1] = { history_key, id, history ~= '' and history }
    notes[#notes + 1] = { pauses_key, id, pause ~= '' and pause }
    if cause ~= '' then
      notes[#notes + 1] = { causes_key, id, cause }
      failing[#failing + 1], failing[#failing + 2] = digits(moment_of(match(cause, '^%d+')) or 0), id
    end
  end
end

local before = head(due_key)
if #records > 0 then
  write_records(tasks_key, records, fresh)
  put(places, due_key, paused_key)
  if #dead > 0 then
    call('ZADD', dead_key, unpack(dead))
  end
  if #failing > 0 then
    call('ZADD', failing_key, unpack(failing))
  end
  for _, note in ipairs(notes) do
    if note[3] then
      call('HSET', unpack(note))
    end
  end
  if in_groups then
    call('SET', groups_key .. 'in-use', 1)
  end
end
if tonumber(token_arg) > tonumber(last_token(fence_key)) then
  call('SET', fence_key, token_arg)
end
call('HSET', moves_key, origin, number_arg)
announce(channel_arg, before, places.earliest)
return digits(places.earliest or -1)
