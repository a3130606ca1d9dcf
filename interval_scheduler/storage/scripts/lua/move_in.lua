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
local hashes = { attempts_key, runs_key, failures_key, errors_key, history_key, causes_key, pauses_key }
local arrivals = new_arrivals(hashes)
for at = 6, #ARGV, 2 do
  local id, packed = ARGV[at], ARGV[at + 1]
  if call('HEXISTS', tasks_key, id) == 0 then
    arrivals.fresh[#arrivals.fresh + 1] = id
    -- Somebody may have changed it on its way: then it is kept, so that people can look at it.
    arrive(arrivals, id, read_packed(packed) or {
      letter = 'd',
      moment = digits(now_ms()),
      counts = { false, false, false },
      error = UNREADABLE,
      history = '',
      cause = '',
      pause = '',
      record = packed,
    })
  end
end

local before = head(due_key)
put_arrivals(arrivals, tasks_key, due_key, paused_key, dead_key, failing_key, groups_key)
if tonumber(token_arg) > tonumber(last_token(fence_key)) then
  call('SET', fence_key, token_arg)
end
call('HSET', moves_key, origin, number_arg)
announce(channel_arg, before, arrivals.places.earliest)
return digits(arrivals.places.earliest or -1)
