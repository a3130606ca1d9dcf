-- Forget dead tasks, the oldest first.
-- KEYS: reply, tasks, dead, errors, runs, failures
-- ARGV[1] stamp: string, the epoch of the list of partitions, a colon, and the number of the request in its session
-- ARGV[2] limit: integer, how many at most
-- Returns: string, how many were forgotten
-- Guarantees: atomic; refused under another list of partitions; applied once per request; passes when Redis is out of
--   memory.

local done = recall_in_epoch(reply_key, stamp_arg)
if done then
  return done
end

local ids = call('ZRANGE', dead_key, 0, tonumber(limit_arg) - 1)
if #ids > 0 then
  call('ZREM', dead_key, unpack(ids))
  for _, key in ipairs({ errors_key, runs_key, failures_key, tasks_key }) do
    call('HDEL', key, unpack(ids))
  end
end
return remember(reply_key, stamp_arg, digits(#ids))
