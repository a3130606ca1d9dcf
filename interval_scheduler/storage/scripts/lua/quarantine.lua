-- Set claimed tasks aside as dead that cannot be read, so that the others go on.
-- KEYS: reply, tasks, due, leased, leases, attempts, dead, errors, paused, runs, failures, history, failing, causes, groups
-- ARGV[1] sequence: integer, the number of the request in its session
-- ARGV[2] channel: string, where sleeping schedulers listen
-- ARGV[3] dead limit: integer, how many dead tasks are kept
-- ARGV[4...] for each run three: id: string; lease: string, as claimed; reason: string
-- Returns: string, for each run 1 (set aside) or 0 (stale)
-- Guarantees: atomic; applied once per request; a stale lease changes nothing; the record stays for inspection; a task
--   assigned anew meanwhile has another record, and is due again; a group with a rate gets the token back; the oldest
--   dead tasks beyond the limit are forgotten; passes when Redis is out of memory.

local done = recall(reply_key, sequence_arg)
if done then
  return done
end

local now = now_ms()
local ids = arguments(4, 3)
local held = call('HMGET', leases_key, unpack(ids))

local ended, dead, errors, results, places = {}, {}, {}, {}, new_places()
for n, id in ipairs(ids) do
  local claim, _, mark = read_lease(held[n])
  if claim ~= ARGV[3 * n + 2] then
    results[n] = '0'
  else
    results[n] = '1'
    ended[#ended + 1] = id
    if mark ~= '' then
      place(places, id, due_again(held[n], now))
    else
      dead[#dead + 1], dead[#dead + 2] = digits(now), id
      errors[#errors + 1], errors[#errors + 2] = id, '1 ' .. ARGV[3 * n + 3]
    end
  end
end
if #ended > 0 then
  pass_when_full(reply_key)
  give_back_unstarted(groups_key, ended, now)
  if #dead > 0 then
    call('ZADD', dead_key, unpack(dead))
    call('HSET', errors_key, unpack(errors))
  end
  end_claims(ended, places, now, due_key, paused_key, leased_key, leases_key, groups_key, channel_arg, function()
    delete_fields(ended, { attempts_key, causes_key })
    delete_members(ended, { failing_key })
    bound_dead(dead_limit_arg, #ids, dead_key, { errors_key, runs_key, failures_key, history_key }, tasks_key)
  end)
end
return remember(reply_key, sequence_arg, table.concat(results))
