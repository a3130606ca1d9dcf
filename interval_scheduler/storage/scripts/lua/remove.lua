-- Take tasks off the schedule.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session;
--   '?' behind it: for existing tasks only
-- ARGV[2] start window: integer, ms; a claim may start its run within it
-- ARGV[3] channel: string, where sleeping schedulers listen
-- ARGV[4...] ids: string
-- Returns: string, ms until no earlier claim can start a run, a blank, and for each id 1 (was scheduled) or 0; or '?'
--   and for each 1 (exists here) or 0
-- Guarantees: atomic; refused under another membership; applied once per request; a running task is not
--   rescheduled; passes when Redis is out of memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local now, window = now_ms(), tonumber(start_window_arg)
local ids = arguments(4, 1)
local refused = not_all_exist(stamp_arg, tasks_key, ids)
if refused then
  return remember(reply_key, stamp_arg, refused)
end
local scores = call('ZMSCORE', due_key, unpack(ids))
local held = call('HMGET', leases_key, unpack(ids))
local pauses = call('ZMSCORE', paused_key, unpack(ids))
local parked = dues_in(groups_key, 'parked-of', ids)

local wait, any_leased, results, seen = 0, false, {}, {}
for n, id in ipairs(ids) do
  results[n] = (scores[n] or held[n] or pauses[n] or parked and parked[id]) and not seen[id] and '1' or '0'
  seen[id] = true
  if held[n] then
    any_leased = true
    -- A token is the moment of its claim in µs. If the clock went back, this is not so: then wait for the whole window.
    -- So it is if the lease cannot be read.
    local granted = (whole(match(held[n], '^%d+')) or now_us()) / 1000
    wait = math.max(wait, math.min(math.ceil(granted + window - now), window))
  end
end

local before = head(due_key)
delete_records(tasks_key, ids)
call('ZREM', due_key, unpack(ids))
if parked then
  drop_parked(groups_key, ids)
end
local makes_room = give_up_turns(groups_key, ids, now, due_key)
if any_leased then
  makes_room = end_leases(ids, now, due_key, leased_key, leases_key, groups_key) or makes_room
end
delete_fields(ids, { attempts_key, errors_key, runs_key, failures_key, history_key, causes_key })
delete_members(ids, { dead_key, paused_key, failing_key })
announce(channel_arg, before, makes_room and now)
return remember(reply_key, stamp_arg, digits(wait) .. ' ' .. table.concat(results))
