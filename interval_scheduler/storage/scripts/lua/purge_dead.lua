-- Forget dead tasks, the oldest first.
-- KEYS: reply, tasks, dead, errors, runs, failures, history
-- ARGV[1] stamp: string, the known membership (epoch:born), a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many at most
-- Returns: string, the number of forgotten tasks
-- Guarantees: atomic; refused under another membership; applied once per request; passes when Redis is out of
--   memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local count = forget_oldest(tonumber(limit_arg), dead_key, { errors_key, runs_key, failures_key, history_key }, tasks_key)
return remember(reply_key, stamp_arg, digits(count))
