-- End runs: reschedule recurring tasks, delete one-shots, give up the leases.
-- KEYS: reply, tasks, due, leased, leases, attempts, paused, runs, failures, history, failing, causes, groups, fence
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] leases: string, the lease of each run as claimed, with newlines between them
-- ARGV[4] headers: string, the header of each run's record as claimed, with a newline behind each
-- ARGV[5...] ids: string, one a run
-- Returns: string, the earliest new due time in ms (-1: none), a blank, and for each run 1 (ended) or 0 (stale); fewer
--   than the runs if more records than that were too much to read: the caller ends the others by another request
-- Guarantees: atomic; applied once per request; a stale lease or an unreadable header changes nothing; a task
--   re-assigned during its run follows its new record, a removed one is not rescheduled; passes when Redis is out of
--   memory.

local last, fence = unpack(call('MGET', reply_key, fence_key))
local done = recall(reply_key, sequence_arg, last)
if done then
  return done
end

local micros = now_us()
local now = math.floor(micros / 1000)
local ids = { unpack(ARGV, 5) }
local held = call('HMGET', leases_key, unpack(ids))

-- Nearly always, every lease is held as it was claimed, and the clock did not go back since the last claim, so that no
-- run was due after now. Then the script need not take leases apart for tasks with a fixed rate and nothing else.
local all_held, joined = pcall(table.concat, held, '\n')
local is_simple = all_held and joined == leases_arg and micros >= (whole(fence) or math.huge)
local headers, leases, counted, histories, unstarted = headers_arg, nil, {}, {}, {}

-- Work out the end of one run in the general case. Returns the next due time (false for none; nil if the run cannot
-- end: stale, or unreadable), the place of the next header, and true if the task is paused.
local function outcome(n, id, at)
  leases = leases or lines(leases_arg)
  local claim, due, mark, paused = read_lease(held[n])
  local moment, behind, policy = after_run(headers, at, now, due, id, claim)
  if claim ~= leases[n] then
    return nil, behind
  end
  local counts
  moment, counts = after_all(moment, policy, id, mark, now, due, claim, tasks_key, runs_key)
  if moment then
    note_run(histories, history_key, id, policy_kept(tasks_key, id, mark, policy), '')
  end
  if moment ~= nil and match(policy, ';~%-') then
    unstarted[#unstarted + 1] = id
  end
  if counts and moment ~= nil then
    counted[#counted + 1] = id
  end
  return moment, behind, paused == 'p'
end

local ended, results, gone, places = {}, {}, {}, new_places()
local waiting, at, count, earliest = places.waiting, 1, 0, nil -- `place` written out below, since it is the hot path
local ending = 0 -- the length of `ended`
-- The last interval and phase as text and as numbers. Many tasks have the same, and to read a number takes long.
local interval_text, interval_ms, phase_text, phase_ms
for n, id in ipairs(ids) do
  if bytes_read >= MOST_READ then
    break
  end
  local moment, is_paused
  local interval, phase, behind = match(headers, PLAIN_RATE, at)
  if is_simple and interval then
    if interval ~= interval_text then
      interval_text, interval_ms = interval, tonumber(interval)
    end
    if phase ~= phase_text then
      phase_text, phase_ms = phase, tonumber(phase)
    end
    moment, at = on_grid(now, interval_ms, phase_ms, 1), behind
  else
    moment, at, is_paused = outcome(n, id, at)
  end
  results[n] = moment == nil and '0' or '1'
  if moment ~= nil then
    ending = ending + 1
    ended[ending] = id
  end
  if moment and is_paused then
    place(places, id, moment, true)
  elseif moment then
    waiting[count + 1], waiting[count + 2] = digits(moment), id
    count = count + 2
    earliest = earliest and earliest < moment and earliest or moment
  elseif moment == false then
    gone[#gone + 1] = id
  end
end

places.earliest = earliest
if ending > 0 then
  pass_when_full(reply_key)
  give_back_unstarted(groups_key, unstarted, now)
  count_up(runs_key, counted)
  keep_histories(histories, history_key)
  -- Nearly always no task had a failed delivery, fails, or runs for a group, which one look tells.
  local is_plain = call('EXISTS', attempts_key, failing_key, groups_key .. 'of') == 0
  local groups = not is_plain and groups_key or nil
  end_claims(ended, places, now, due_key, paused_key, leased_key, leases_key, groups, channel_arg, function()
    delete_records(tasks_key, gone)
    delete_fields(gone, { runs_key, failures_key, history_key })
    if not is_plain then
      delete_fields(ended, { attempts_key })
      end_failing(ended, failing_key, causes_key)
    end
  end)
end
return remember(reply_key, sequence_arg, digits(places.earliest or -1) .. ' ' .. table.concat(results))
