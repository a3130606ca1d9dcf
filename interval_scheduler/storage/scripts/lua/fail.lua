-- End runs that failed: try again after a delay, else go on with the next occurrence, else set the task aside as dead.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] dead limit: integer, how many dead tasks are kept
-- ARGV[4...] for each run six: id: string; lease: string, as claimed; header: string, that of its record as claimed;
--   delay: integer, ms until the next attempt, or '' for none; charge: 1 if the run counts as a failed delivery, else
--   0; error: string
-- Returns: string, the earliest new due time in ms (-1: none), a blank, and for each run r (tried again), n (on with
--   the next occurrence), d (dead) or 0 (stale); fewer than the runs if more records than that were too much to read:
--   the caller ends the others by another request
-- Guarantees: atomic; applied once per request; a stale lease or an unreadable header changes nothing; a task
--   re-assigned during its run follows its new record, a removed one is forgotten; an attempt is made only if it comes
--   before the next occurrence, and no new one was asked for; the oldest dead tasks beyond the limit are forgotten;
--   passes when Redis is out of memory.

local done = recall(reply_key, sequence_arg)
if done then
  return done
end

local now = now_ms()
local ids = arguments(4, 6)
local held = call('HMGET', leases_key, unpack(ids))
local ended, again, failed, counted, finished, gone, over, dead, errors = {}, {}, {}, {}, {}, {}, {}, {}, {}
local results, places, histories, failing, causes, unstarted = {}, new_places(), {}, {}, {}, {}

-- Work out the end of one run: its result, and the next due time of its task (nil or false: none).
local function outcome(id, at, claim, due, mark)
  local moment, _, policy = after_run(ARGV[at + 2] .. '\n', 1, now, due, id, claim)
  if claim ~= ARGV[at + 1] or moment == nil then
    return '0'
  end
  local recurs, counts = moment, nil
  moment, counts = after_all(moment, policy, id, mark, now, due, claim, tasks_key, runs_key)
  if moment == nil then
    moment = now -- the next claim sets a task aside whose record cannot be read
  end
  if match(policy, ';~%-') then
    unstarted[#unstarted + 1] = id
  end
  note_run(histories, history_key, id, policy_kept(tasks_key, id, mark, policy), ARGV[at + 5])
  local retry = tonumber(ARGV[at + 3])
  if retry and (not moment or (mark == '' or mark == 'k0') and now + retry < moment) then
    if ARGV[at + 4] == '1' then
      again[#again + 1] = id
    end
    return 'r', now + retry
  end
  if counts then
    counted[#counted + 1] = id
  end
  if moment then
    if recurs and ARGV[at + 4] == '1' then
      failed[#failed + 1] = id
    end
    return 'n', moment
  end
  return 'd', nil
end

for n, id in ipairs(ids) do
  if bytes_read >= MOST_READ then
    break
  end
  local at = 6 * n - 2
  local claim, due, mark, paused = read_lease(held[n])
  local result, moment = outcome(id, at, claim, due, mark)
  results[n] = result
  if result ~= '0' then
    ended[#ended + 1] = id
  end
  if result == 'd' then
    dead[#dead + 1], dead[#dead + 2] = digits(now), id
    errors[#errors + 1] = id
    errors[#errors + 1] = digits(1 + (whole(call('HGET', attempts_key, id)) or 0)) .. ' ' .. ARGV[at + 5]
  elseif moment then
    place(places, id, moment, paused == 'p')
  elseif moment == false then
    gone[#gone + 1] = id
  end
  if moment and ARGV[at + 4] == '1' then
    failing[#failing + 1], failing[#failing + 2] = digits(now), id
    causes[#causes + 1], causes[#causes + 2] = id, digits(now) .. ' ' .. cut(ARGV[at + 5], CAUSE)
  end
  if result ~= '0' and not moment then
    over[#over + 1] = id
  end
  if result == 'n' or result == 'd' then
    finished[#finished + 1] = id
  end
end

if #ended > 0 then
  pass_when_full(reply_key)
  if #dead > 0 then
    call('ZADD', dead_key, unpack(dead))
    call('HSET', errors_key, unpack(errors))
  end
  give_back_unstarted(groups_key, unstarted, now)
  count_attempts(attempts_key, again)
  count_up(failures_key, failed)
  count_up(runs_key, counted)
  keep_histories(histories, history_key)
  note_failing(failing, causes, failing_key, causes_key)
  end_claims(ended, places, now, due_key, paused_key, leased_key, leases_key, groups_key, channel_arg, function()
    delete_fields(finished, { attempts_key })
    delete_records(tasks_key, gone)
    delete_fields(gone, { history_key })
    delete_fields(over, { runs_key, failures_key })
    end_failing(over, failing_key, causes_key)
    bound_dead(dead_limit_arg, #ids, dead_key, { errors_key, runs_key, failures_key, history_key }, tasks_key)
  end)
end
return remember(reply_key, sequence_arg, digits(places.earliest or -1) .. ' ' .. table.concat(results))
